//! The reader against workbooks that are made here: ordinary, odd, broken and hostile ones.

#[cfg(test)]
mod agree;
#[cfg(test)]
mod bombs;
#[cfg(test)]
mod dates;
#[cfg(test)]
mod make;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod packages;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod real;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod shares;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod values;
