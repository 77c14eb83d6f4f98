//! The reader against readers and truths that share no code with it: calamine on whole workbooks, decimals that are
//! known beforehand.

#[cfg(test)]
mod decimals;
#[cfg(test)]
mod differences;
#[cfg(test)]
mod honest;
#[cfg(test)]
mod theirs;
