//! Dead letters at the command line: what producers sent that could not be taken, and what is to become of it.

use clap::{Args, Subcommand};
use runtime::nats::{DeadError, DeadLetter, DeadLetters, reasons};

use super::CliError;
use super::nats::{DEAD, NatsArgs};

/// What is done.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum DeadCommand {
    /// List them: number, time, subject, tries, codes and reason, with tabs between.
    List {
        #[command(flatten)]
        nats: NatsArgs,
    },
    /// Show one with everything that came with it.
    Show {
        /// Its number.
        number: u64,
        #[command(flatten)]
        nats: NatsArgs,
    },
    /// Send them again to where they were sent. What was taken of them before is not taken twice.
    Redrive(Chosen),
    /// Forget them for ever.
    Drop(Chosen),
}

/// Which of them.
#[derive(Args, Clone, Debug)]
pub(super) struct Chosen {
    /// Their numbers.
    #[arg(required_unless_present = "all")]
    numbers: Vec<u64>,
    /// All that are there now.
    #[arg(long, conflicts_with = "numbers")]
    all: bool,
    #[command(flatten)]
    nats: NatsArgs,
}

/// Does it.
pub(super) async fn run(command: DeadCommand) -> Result<u8, CliError> {
    match command {
        DeadCommand::List { nats } => list(&open(&nats).await?).await.map_err(failed)?,
        DeadCommand::Show { number, nats } => show(&open(&nats).await?.get(number).await.map_err(failed)?),
        DeadCommand::Redrive(chosen) => {
            let letters = open(&chosen.nats).await?;
            let count = each(&letters, &chosen, async |letter| letters.redrive(&letter).await).await;
            println!("{} sent again", count.map_err(failed)?);
        }
        DeadCommand::Drop(chosen) => {
            let letters = open(&chosen.nats).await?;
            let count = each(&letters, &chosen, async |letter| letters.forget(letter.sequence).await).await;
            println!("{} dropped", count.map_err(failed)?);
        }
    }
    Ok(0)
}

async fn open(nats: &NatsArgs) -> Result<DeadLetters, CliError> {
    DeadLetters::open(nats.connect(DEAD).await?).await.map_err(failed)
}

fn failed(error: DeadError) -> CliError {
    match error {
        DeadError::Unknown(_) => CliError::Refused(error.to_string()),
        _ => CliError::Plain(reasons(&error)),
    }
}

async fn list(letters: &DeadLetters) -> Result<(), DeadError> {
    let mut from = 1;
    while let Some(letter) = letters.next(from).await? {
        let DeadLetter { sequence, at, subject, tries, codes, reason, .. } = &letter;
        println!("{sequence}\t{at}\t{subject}\t{tries}\t{codes}\t{reason}");
        from = sequence + 1;
    }
    Ok(())
}

fn show(letter: &DeadLetter) {
    let DeadLetter { sequence, at, subject, reason, codes, tries, content_type, key, bytes } = letter;
    println!("number    {sequence}");
    println!("time      {at}");
    println!("subject   {subject}");
    println!("reason    {reason}");
    println!("codes     {codes}");
    println!("tries     {tries}");
    println!("kind      {}", content_type.as_deref().unwrap_or("application/protobuf"));
    println!("key       {}", key.as_deref().unwrap_or_default());
    println!("bytes     {}", bytes.len());
    println!();
    println!("{}", String::from_utf8_lossy(bytes));
}

/// Does something with each that was chosen; those that are laid aside meanwhile are left for the next time.
async fn each(
    letters: &DeadLetters,
    chosen: &Chosen,
    with: impl AsyncFn(DeadLetter) -> Result<(), DeadError>,
) -> Result<usize, DeadError> {
    let mut numbers = chosen.numbers.clone();
    if chosen.all {
        let mut from = 1;
        while let Some(letter) = letters.next(from).await? {
            from = letter.sequence + 1;
            numbers.push(letter.sequence);
        }
    }
    for number in &numbers {
        with(letters.get(*number).await?).await?;
    }
    Ok(numbers.len())
}
