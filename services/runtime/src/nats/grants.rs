//! What a NATS user of the product may do: its own subjects and no others, cut along the names in `address`.

use std::collections::BTreeSet;

use ledger::{HostId, ObjectId, Partition, ServiceName};

use super::address::{self, Question};
use super::carry::BUCKET;
use super::subscriber::Subscriber;
use super::vault::{KEEPERS, keeps_workbooks};

/// What a user may do; nothing else is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Subjects that it may publish on.
    pub publish: BTreeSet<String>,
    /// Subjects that it may subscribe to.
    pub subscribe: BTreeSet<String>,
    /// Whether it may answer whoever asks it.
    pub answers: bool,
}

/// The inboxes of a user: others can't listen in, since nobody else may subscribe to them.
#[must_use]
pub fn inbox_of(user: &str) -> String {
    format!("_INBOX_{user}")
}

impl Grants {
    /// A user that hears nothing but the answers to what it asks.
    fn of(user: &str) -> Self {
        Self { subscribe: BTreeSet::from([format!("{}.>", inbox_of(user))]), ..Self::default() }
    }

    /// A process of these hosts, which hear those, in a ledger of so many partitions.
    #[must_use]
    pub fn process(
        user: &str,
        partitions: u16,
        runs: &BTreeSet<HostId>,
        hears: &BTreeSet<HostId>,
        is_gateway: bool,
    ) -> Self {
        let mut grants = Self::of(user);
        for host in runs {
            grants.write(*host);
        }
        if runs.iter().any(|host| host.service == ServiceName::Extraction) {
            // Whoever publishes first makes the streams of all.
            for stream in address::accepted_streams(partitions) {
                grants.make(&stream);
            }
            // Whoever watches the process is told how far each subscriber is.
            grants.api(&format!("CONSUMER.LIST.{}", address::accepted_of_all(partitions)));
        }
        for host in hears.difference(runs) {
            grants.read(*host);
            if is_gateway {
                grants.publish.insert(address::asks(*host));
                grants.publish.insert(address::question(*host, Question::Lookup));
                grants.publish.insert(address::question(*host, Question::Carry));
                grants.publish.insert(address::question(*host, Question::Pass));
            }
        }
        if is_gateway || runs.iter().any(keeps_workbooks) {
            grants.bucket(BUCKET);
        }
        if is_gateway {
            grants.hear_producers();
        }
        grants
    }

    /// Somebody at the machine who looks at dead letters, sends them again and drops them.
    #[must_use]
    pub fn dead_letters(user: &str) -> Self {
        let mut grants = Self::of(user);
        grants.make(address::DEAD_STREAM);
        grants.api(&format!("DIRECT.GET.{}", address::DEAD_STREAM));
        grants.api(&format!("STREAM.MSG.DELETE.{}", address::DEAD_STREAM));
        grants.publish.insert(address::REPORTS.to_owned());
        grants
    }

    /// Whoever reports usage of these contracts and products, and nothing else: it can't even see what it sent.
    #[must_use]
    pub fn producer<'a>(user: &str, about: impl IntoIterator<Item = (&'a ObjectId, &'a ObjectId)>) -> Self {
        let mut grants = Self::of(user);
        for (contract, product) in about {
            grants.publish.extend(address::of_producer(contract, product));
        }
        grants
    }

    /// A billing system: its next messages, how its own consumer is, what became of a message, and the answers.
    #[must_use]
    pub fn subscriber(subscriber: &Subscriber) -> Self {
        let mut grants = Self::of(&subscriber.user());
        let own = format!("{}.{}", subscriber.stream(), subscriber.name);
        grants.api(&format!("CONSUMER.MSG.NEXT.{own}"));
        grants.api(&format!("CONSUMER.INFO.{own}"));
        grants.publish.insert(format!("$JS.ACK.{own}.>"));
        grants
    }

    /// Somebody at the machine who makes the streams and the subscribers, and nothing else.
    #[must_use]
    pub fn setup(user: &str, partitions: u16) -> Self {
        let mut grants = Self::of(user);
        for host in HostId::all(partitions) {
            grants.make(&address::stream(host));
        }
        for stream in address::accepted_streams(partitions) {
            grants.provision(&stream);
        }
        // Whether there is one more than was said: a subscriber would miss its records.
        grants.api(&format!("STREAM.INFO.{}", address::accepted_stream(Partition(partitions))));
        grants.make(&address::bucket_stream(address::LEASES));
        for bucket in KEEPERS.map(address::kept) {
            grants.make(&format!("OBJ_{bucket}"));
        }
        grants.make(&format!("OBJ_{BUCKET}"));
        grants.make(address::REPORTS_STREAM);
        grants.make(address::DEAD_STREAM);
        grants
    }

    /// The streams that it may look at.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &str> {
        self.publish.iter().filter_map(|subject| subject.strip_prefix("$JS.API.STREAM.INFO."))
    }

    fn api(&mut self, words: &str) {
        self.publish.insert(format!("$JS.API.{words}"));
    }

    /// Makes a stream, or looks how it is.
    fn make(&mut self, stream: &str) {
        for verb in ["INFO", "CREATE", "UPDATE"] {
            self.api(&format!("STREAM.{verb}.{stream}"));
        }
    }

    /// Writes for a host, and answers for it.
    fn write(&mut self, host: HostId) {
        let stream = address::stream(host);
        self.make(&stream);
        self.api(&format!("STREAM.MSG.GET.{stream}"));
        self.publish.insert(address::facts(host));
        self.subscribe.insert(address::asks(host));
        self.subscribe.insert(format!("{}.*", address::asks(host)));
        self.answers = true;
        self.stand_by(host);
        if host.service == ServiceName::Extraction {
            self.api(&format!("STREAM.MSG.GET.{}", address::accepted_stream(host.partition)));
            self.publish.insert(address::told(host.partition, address::ALL_ACCEPTED));
        }
    }

    /// Follows whoever writes for a host, and takes over: its lease, its stream, its workbooks.
    fn stand_by(&mut self, host: HostId) {
        let leases = address::bucket_stream(address::LEASES);
        self.make(&leases);
        self.api(&format!("STREAM.MSG.GET.{leases}"));
        self.publish.insert(address::lease(&host.to_string()));
        self.pull(&address::stream(host));
        if keeps_workbooks(&host) {
            self.bucket(&address::kept(host.service));
        }
    }

    /// Makes and removes the subscribers of a stream, and looks for where a date begins.
    fn provision(&mut self, stream: &str) {
        self.make(stream);
        for verb in ["CREATE", "INFO", "DELETE"] {
            self.api(&format!("CONSUMER.{verb}.{stream}.>"));
        }
        self.api(&format!("CONSUMER.LIST.{stream}"));
        self.api(&format!("STREAM.MSG.GET.{stream}"));
    }

    /// Reads what a host published.
    fn read(&mut self, host: HostId) {
        self.pull(&address::stream(host));
        self.publish.insert(address::question(host, Question::Read));
    }

    /// Reads a stream by consumers of its own.
    fn pull(&mut self, stream: &str) {
        self.api(&format!("CONSUMER.CREATE.{stream}"));
        for verb in ["CREATE", "MSG.NEXT", "INFO", "DELETE"] {
            self.api(&format!("CONSUMER.{verb}.{stream}.>"));
        }
        self.api(&format!("DIRECT.GET.{stream}"));
        self.api(&format!("DIRECT.GET.{stream}.>"));
    }

    /// Answers producers, works off what they left in their stream, and lays aside what can't be taken.
    fn hear_producers(&mut self) {
        self.make(address::REPORTS_STREAM);
        self.make(address::DEAD_STREAM);
        for verb in ["CREATE", "MSG.NEXT", "INFO"] {
            self.api(&format!("CONSUMER.{verb}.{}.>", address::REPORTS_STREAM));
        }
        self.publish.insert(format!("$JS.ACK.{}.>", address::REPORTS_STREAM));
        self.publish.insert(address::DEAD.to_owned());
        self.subscribe.insert(address::REPORT.to_owned());
        self.answers = true;
    }

    /// Puts workbooks into a bucket, and takes them out.
    fn bucket(&mut self, bucket: &str) {
        let stream = format!("OBJ_{bucket}");
        self.make(&stream);
        self.pull(&stream);
        self.api(&format!("STREAM.PURGE.{stream}"));
        self.api(&format!("STREAM.MSG.GET.{stream}"));
        self.publish.insert(format!("$O.{bucket}.>"));
        self.publish.insert(format!("$JS.FC.{stream}.>"));
    }
}
