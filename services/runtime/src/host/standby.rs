//! Standing by: a host follows another process that writes for it, and takes over when that one is gone.
//!
//! Until then it decides nothing. Its log becomes the writer's own, fact for fact: what the writer had heard before a
//! fact is heard before it here. To take over it publishes a claim behind the end of the stream, which the writer's next
//! fact can't follow, and writes on from there.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger::{Event, EventId, Fact, Hash, HostId, Moment, Scope, ServiceName};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::checkpoint::about;
use super::{Host, HostError};
use crate::bus::{Delivery, FollowError};
use crate::decider::Decider;
use crate::hearing::Hearing;
use crate::log::NewEntry;
use crate::nats::{Claim, FarFollower, Lease, Outbox, OutboxError};
use crate::source::{Follower, Published, Source, SourceError};

/// The pause before NATS is asked again.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a neighbour may take to say how far it is, before the host decides without that.
const POSITION_WAIT: Duration = Duration::from_secs(1);
/// How long it hears neighbours before it decides.
const HEAR_WAIT: Duration = Duration::from_secs(5);

/// What a host hears while it stands by.
struct Followed {
    own: FarFollower,
    neighbours: BTreeMap<HostId, Follower>,
    /// An own fact that waits for what its writer had heard before it.
    next: Option<(Published, Vec<(HostId, u64)>)>,
}

impl<D: Decider> Host<D> {
    /// Follows whoever writes for this host, and takes over when the lease is free; false when told to stop before.
    ///
    /// # Errors
    /// When this log isn't the beginning of what was published for the host.
    pub async fn stand_by(
        &mut self,
        outbox: &Outbox,
        lease: &mut Lease,
        mut stop: watch::Receiver<bool>,
    ) -> Result<bool, HostError> {
        loop {
            tokio::select! {
                end = outbox.end() => drop(end.map_err(|error| self.refused(error))?),
                _ = stop.wait_for(|stop| *stop) => return Ok(false),
            }
            let mut followed = self.follow(outbox)?;
            let taken = async {
                lease.take().await;
            };
            tokio::select! {
                () = taken => {}
                failed = self.follow_on(&mut followed) => return Err(failed),
                _ = stop.wait_for(|stop| *stop) => return Ok(false),
            }
            tracing::info!(host = %self.parts.id, name = lease.name(), "has the lease and takes over");
            let name = lease.name().to_owned();
            tokio::select! {
                taken = self.take_over(outbox, followed, &name) => return taken.map(|()| true),
                lost = lease.keep() => tracing::warn!(host = %self.parts.id, %lost, "stands by again"),
                _ = stop.wait_for(|stop| *stop) => return Ok(false),
            }
        }
    }

    fn follow(&self, outbox: &Outbox) -> Result<Followed, HostError> {
        let writer = &self.parts.writer;
        let own = outbox.follow(writer.head());
        let neighbours = self.neighbours().into_iter().map(|source| {
            let follower = source.follow(writer.heard(source.host()));
            follower.map(|follower| (source.host(), follower)).map_err(|error| self.unheard(source.host(), error))
        });
        Ok(Followed { own, neighbours: neighbours.collect::<Result<_, _>>()?, next: None })
    }

    fn unheard(&self, emitter: HostId, error: SourceError) -> HostError {
        HostError::Follow { host: self.parts.id, source: FollowError { emitter, error } }
    }

    fn refused(&self, error: OutboxError) -> HostError {
        HostError::Outbox { host: self.parts.id, source: Box::new(error) }
    }

    /// Takes in what the writer records, for ever.
    async fn follow_on(&mut self, followed: &mut Followed) -> HostError {
        loop {
            if let Err(error) = self.take_next(followed).await {
                return error;
            }
        }
    }

    /// Takes in the writer's next fact, and before it what the writer had heard. Nothing is lost when this is dropped
    /// before it ends.
    async fn take_next(&mut self, followed: &mut Followed) -> Result<(), HostError> {
        let host = self.parts.id;
        let (fact, heard) = match followed.next.take() {
            Some(next) => followed.next.insert(next),
            None => {
                let fact = followed.own.next().await.map_err(|error| self.unheard(host, error.into()))?;
                followed.next.insert((fact, followed.own.heard().to_vec()))
            }
        };
        for (emitter, sequence) in heard.iter() {
            if let Some(follower) = followed.neighbours.get_mut(emitter) {
                self.hear_until(follower, *emitter, *sequence).await?;
            }
        }
        let room = self.parts.writer.ready().await;
        room.map_err(|source| HostError::Log { host, source })?;
        let fact = fact.clone();
        followed.next = None;
        self.adopt(fact)?;
        self.snapshot_if_due();
        Ok(())
    }

    /// Hears a neighbour up to a sequence.
    async fn hear_until(&mut self, follower: &mut Follower, emitter: HostId, sequence: u64) -> Result<(), HostError> {
        while self.parts.writer.heard(emitter).0 < sequence {
            let room = self.parts.writer.ready().await;
            room.map_err(|source| HostError::Log { host: self.parts.id, source })?;
            let fact = follower.next().await.map_err(|error| self.unheard(emitter, error))?;
            let Some(fact) = fact else { return Ok(()) };
            let delivery = Delivery::of(&self.parts.bus, fact).map_err(|error| self.unheard(emitter, error))?;
            // What is to be done about it the writer decides.
            drop(self.take_in([(emitter, delivery)].into_iter())?);
        }
        Ok(())
    }

    /// Takes a fact in that was published for this host.
    fn adopt(&mut self, fact: Published) -> Result<(), HostError> {
        let host = self.parts.id;
        let (event, trace) = fact.traced().map_err(|error| self.unheard(host, error))?;
        let Published { header, payload } = fact;
        let entry = NewEntry::Followed { id: event.id, header, payload };
        let appended = self.parts.writer.append(vec![entry]).map_err(|source| HostError::Log { host, source })?;
        self.position = appended.first_position;
        self.ends.insert(host, self.position);
        self.sequence = header.sequence;
        self.last_at = self.last_at.max(event.recorded_at);
        self.traces.heard(&event, trace);
        self.signed.note(&header, &event.fact);
        self.fold(host, header.sequence, &event, &mut Default::default());
        if host.service == ServiceName::Catalog {
            self.lay_catalog();
        }
        Ok(())
    }

    /// Comes to the end of what was published, and makes the claim the next fact: nobody else can write on then.
    async fn take_over(&mut self, outbox: &Outbox, mut followed: Followed, name: &str) -> Result<(), HostError> {
        loop {
            // As far as this log goes, the stream must have it, be it that NATS lost it or that a crash came between.
            let end = outbox.end().await.map_err(|error| self.refused(error))?;
            while self.sequence < end {
                self.take_next(&mut followed).await?;
            }
            if self.sequence > end {
                outbox.catch_up().await.map_err(|error| self.refused(error))?;
            }
            let claim = self.claim(name);
            match outbox.claim(&claim).await {
                Ok(true) => {
                    let Claim { header, payload } = claim;
                    self.adopt(Published { header, payload })?;
                    break;
                }
                Ok(false) => tracing::info!(host = %self.parts.id, "somebody wrote meanwhile; following on"),
                Err(reason) => {
                    tracing::warn!(host = %self.parts.id, reason, "could not publish the claim; trying again");
                    sleep(PAUSE).await;
                }
            }
        }
        let heard = timeout(HEAR_WAIT, self.hear_all(&mut followed)).await;
        heard.unwrap_or_else(|_| {
            tracing::warn!(host = %self.parts.id, "decides before it has heard all that its neighbours recorded");
            Ok(())
        })?;
        // Readers see what is on the disk: what is published next comes after the claim.
        let durable = self.parts.reader.drained().await;
        durable.map_err(|source| HostError::Log { host: self.parts.id, source })
    }

    fn claim(&mut self, name: &str) -> Claim {
        let id = self.parts.id;
        let fact = Fact::WriterChanged { service: id.service, writer: name.to_owned() };
        let subject = about(id);
        let seed = self.fresh_seed(Hash::of(name.as_bytes()));
        let Scope { actor, surface, .. } = Scope::service(id.service);
        let recorded_at: Moment = self.now();
        let event_id = EventId::derive(&seed, id.service, 0);
        let event = Event { id: event_id, subject, cause: seed, actor, surface, recorded_at, fact };
        let payload = proto::encode_event(&event);
        Claim { header: self.parts.writer.claim(&payload), payload }
    }

    /// Hears what neighbours have recorded by now.
    async fn hear_all(&mut self, followed: &mut Followed) -> Result<(), HostError> {
        for source in self.neighbours() {
            let emitter = source.host();
            let position = timeout(POSITION_WAIT, source.position()).await;
            if let (Ok(Ok(position)), Some(follower)) = (position, followed.neighbours.get_mut(&emitter)) {
                self.hear_until(follower, emitter, position).await?;
            }
        }
        Ok(())
    }

    /// Waits until everything handed over so far is on stable storage and, where another process may have to write on,
    /// published; false when the log is closed or takes nothing more before.
    pub(super) fn settled(&self) -> impl Future<Output = bool> + Send + use<D> {
        let (position, sequence) = (self.position, self.sequence);
        let (synced, published) = (self.parts.reader.synced(), self.parts.published.clone());
        let failed = self.parts.reader.failed();
        async move {
            let Ok(mut synced) = synced else { return false };
            let durable = tokio::select! {
                // What got onto the disk is told, whatever became of the disk.
                biased;
                durable = synced.wait_for(|synced| synced.position >= position) => durable.is_ok(),
                () = failed => false,
            };
            match published {
                Some(mut published) if durable => {
                    published.wait_for(|outgoing| outgoing.acknowledged >= sequence).await.is_ok()
                }
                _ => durable,
            }
        }
    }

    /// Whose facts this host hears.
    pub(super) fn neighbours(&self) -> Vec<Source> {
        self.parts.bus.heard(Hearing::of::<D>(), self.parts.id.partition)
    }
}
