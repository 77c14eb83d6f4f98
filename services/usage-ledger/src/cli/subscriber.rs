//! `usage-ledger subscriber …`: who gets accepted records over NATS.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use ledger::{Moment, ObjectId};
use runtime::clock::Clock;
use runtime::feed::Form;
use runtime::nats::{Begin, Grants, Subscriber, SubscriberState, inbox_of, remove_subscriber, subscriber_user};

use super::CliError;
use super::nats::{NatsArgs, PartitionsArgs, SETUP, failed, revoke_user};
use crate::credentials::{self, CredentialsError, Folder};

const EXAMPLES: &str = "\
A subscriber is a durable consumer of one stream, with messages of one account only. It reads at its own
pace; what it has not acknowledged it gets again. docs/feed.md says what is in the messages.

Examples:
  usage-ledger subscriber add acme-billing --account PA-… --nats nats://127.0.0.1:4222
  usage-ledger subscriber add acme-eu --account PA-… --hub HB-… --json --from 2026-11-01 --nats …
  usage-ledger subscriber add rebuilt --account PA-… --from 48211 --nats …     from that message of the stream on
  usage-ledger subscriber list --nats …";

/// What is done about subscribers.
#[derive(Clone, Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum SubscriberCommand {
    /// Make a subscriber, and say how it connects and what it must be allowed.
    Add(AddArgs),
    /// Show how far each is.
    List(PlaceArgs),
    /// Take one away; the messages stay.
    Remove {
        /// Its name.
        #[arg(value_parser = id)]
        name: ObjectId,
        /// Revoke its NATS user too, in this folder of `usage-ledger nats credentials`.
        #[arg(long, value_name = "DIR")]
        trust: Option<PathBuf>,
        #[command(flatten)]
        place: PlaceArgs,
    },
}

/// Where subscribers are.
#[derive(Args, Clone, Debug)]
pub(super) struct PlaceArgs {
    #[command(flatten)]
    partitions: PartitionsArgs,
    #[command(flatten)]
    nats: NatsArgs,
}

/// A subscriber to be made.
#[derive(Args, Clone, Debug)]
pub(super) struct AddArgs {
    /// Its name: letters, digits, - and _.
    #[arg(value_parser = id)]
    name: ObjectId,
    /// The account whose accepted records it gets (PA-…).
    #[arg(long, value_parser = id)]
    account: ObjectId,
    /// Those of one hub only (HB-…); _ for subscriptions without a hub.
    #[arg(long, value_parser = id)]
    hub: Option<ObjectId>,
    /// Those of one product only (PRD-…).
    #[arg(long, value_parser = id)]
    product: Option<ObjectId>,
    /// Begin with what was recorded at a time or later (2026-11-01), or with a message of the stream, by its sequence
    /// [default: the first].
    #[arg(long, value_name = "DATE|SEQUENCE", value_parser = begin)]
    from: Option<Begin>,
    /// Messages as JSON instead of protobuf.
    #[arg(long)]
    json: bool,
    /// Make its NATS user too, in this folder of `usage-ledger nats credentials`.
    #[arg(long, value_name = "DIR")]
    trust: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

fn id(text: &str) -> Result<ObjectId, String> {
    ObjectId::new(text).ok_or_else(|| "letters, digits, - and _ only, at most 64".to_owned())
}

fn begin(text: &str) -> Result<Begin, String> {
    if let Ok(sequence) = text.parse() {
        return Ok(Begin::Sequence(sequence));
    }
    let time = Moment::parse_iso(text).map(Begin::Time);
    time.ok_or_else(|| "a date (2026-11-01), an instant (2026-11-01T12:00:00Z) or a sequence".to_owned())
}

/// Does it.
pub(super) async fn run(command: SubscriberCommand) -> Result<u8, CliError> {
    match command {
        SubscriberCommand::Add(args) => {
            let link = args.place.nats.connect(SETUP).await?;
            let partitions = args.place.partitions.partitions;
            let form = if args.json { Form::Json } else { Form::Protobuf };
            let AddArgs { name, account, hub, product, from, trust, .. } = args;
            let subscriber = Subscriber { name, account, hub, product, form, partitions };
            subscriber.add(&link, from.unwrap_or(Begin::First)).await.map_err(|error| failed(&error))?;
            tell(&subscriber);
            if let Some(dir) = trust {
                let failed = |error: CredentialsError| failed(&error);
                let folder = Folder::open(&dir).map_err(failed)?;
                let (user, grants) = (subscriber.user(), Grants::subscriber(&subscriber));
                let path = credentials::user(&folder, &user, &grants, Clock::Machine.now()).map_err(failed)?;
                println!("credentials   {}", path.display());
            }
        }
        SubscriberCommand::List(PlaceArgs { partitions, nats }) => {
            let link = nats.connect(SETUP).await?;
            for subscriber in
                SubscriberState::all(&link, partitions.partitions).await.map_err(|error| failed(&error))?
            {
                println!("{subscriber}");
            }
        }
        SubscriberCommand::Remove { name, trust, place: PlaceArgs { partitions, nats } } => {
            let link = nats.connect(SETUP).await?;
            remove_subscriber(&link, partitions.partitions, &name).await.map_err(|error| failed(&error))?;
            println!("{name} is removed");
            if let Some(dir) = trust {
                revoke_user(&dir, &subscriber_user(&name))?;
            }
        }
    }
    Ok(0)
}

fn tell(subscriber: &Subscriber) {
    let Grants { publish, subscribe, .. } = Grants::subscriber(subscriber);
    let listed = |subjects: BTreeSet<String>| subjects.into_iter().collect::<Vec<_>>().join(" ");
    println!("stream        {}", subscriber.stream());
    println!("consumer      {}", subscriber.name);
    println!("messages      {}", subscriber.filter());
    println!("inbox prefix  {}", inbox_of(&subscriber.user()));
    println!("may publish   {}", listed(publish));
    println!("may subscribe {}", listed(subscribe));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_a_sequence_or_a_time() {
        for (text, expected) in [
            ("48211", Some(Begin::Sequence(48_211))),
            ("2026-11-01", Moment::parse_iso("2026-11-01T00:00:00+00:00").map(Begin::Time)),
            ("2026-11-01T12:00:00Z", Moment::parse_iso("2026-11-01T12:00:00+00:00").map(Begin::Time)),
            ("yesterday", None),
            ("-1", None),
        ] {
            assert_eq!(begin(text).ok(), expected, "{text}");
        }
    }
}
