//! Everything that is tested across crates, in one binary: what a machine can check of the tree itself.

#[cfg(test)]
mod asyncapi;
#[cfg(test)]
mod backups;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod directories;
#[cfg(test)]
mod disks;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fencing;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod graph;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod life;
#[cfg(test)]
mod logged;
#[cfg(test)]
mod nats;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod random;
#[cfg(test)]
mod repairs;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod standby;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod tree;
