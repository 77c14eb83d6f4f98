//! What a host of this process answers over NATS: commands, and questions about its log and its workbooks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Message, Subscriber};
use futures_util::StreamExt;
use futures_util::stream::{self, Select};
use ledger::{HostId, Rejection};
use proto::ask::{PassReply, WireAnswer, WireReply};
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::address::{self, Question};
use super::carry;
use super::link::{Link, chain};
use super::outbox::Outgoing;
use super::parts::{Parts, send, send_gone};
use super::question;
use super::traced;
use crate::blobs::Blobs;
use crate::bus::{ASKS_MAX, Answer, Ask, AskKey, Errand, Pass};
use crate::log::LogReader;
use crate::trace::Trace;

/// How long it may take to be done with everybody who asked when the process stops.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// A host's subjects can't be listened on.
#[derive(Debug, Error)]
#[error("could not listen for what {host} is asked: {reason}")]
pub struct DeskError {
    /// Who.
    host: HostId,
    /// What NATS said.
    reason: String,
}

/// Where one host of this process is asked.
#[derive(Debug)]
pub struct Desk {
    /// The connection.
    pub link: Link,
    /// The host's log.
    pub log: LogReader,
    /// Where its commands come in.
    pub asks: mpsc::Sender<Errand>,
    /// Its workbooks.
    pub blobs: Arc<Blobs>,
    /// How far the host has published: an outcome is told, and a fact given, once the stream has had it too, so that
    /// what was answered or read is known to whoever writes on, should this process be overtaken.
    pub published: watch::Receiver<Outgoing>,
}

impl Desk {
    /// Answers until told to stop.
    ///
    /// # Errors
    /// When the subjects can't be listened on.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), DeskError> {
        let host = self.log.host();
        let commands = self.listen(address::asks(host)).await?;
        let questions = self.listen(format!("{}.*", address::asks(host))).await?;
        let mut asked = stream::select(commands, questions);
        let (desk, turns) = (Arc::new(self), Arc::new(Semaphore::new(ASKS_MAX)));
        let mut parts = Parts::default();
        loop {
            // Whoever comes when all turns are taken waits in the connection, not in memory.
            let Ok(turn) = turns.clone().acquire_owned().await else { return Ok(()) };
            let message = tokio::select! {
                Some(message) = asked.next() => message,
                _ = stop.changed() => break,
                else => break,
            };
            let Some(whole) = parts.take(&message, Instant::now()) else { continue };
            let (desk, stop) = (desk.clone(), stop.clone());
            tokio::spawn(async move {
                desk.answer(&message, whole, &stop).await;
                drop(turn);
            });
        }
        let closed = tokio::time::timeout(CLOSE_WAIT, desk.close(asked, &turns)).await;
        if closed.is_err() {
            tracing::debug!(%host, "somebody who asked will have to notice alone that this process stopped");
        }
        Ok(())
    }

    /// Sees to it that nobody waits for a process that stops: who was answered has the answer, everybody else is told to
    /// ask again.
    async fn close(&self, mut asked: Select<Subscriber, Subscriber>, turns: &Semaphore) {
        let (commands, questions) = asked.get_mut();
        // An error means that the connection is gone, and what was on its way with it.
        let _ = tokio::join!(commands.drain(), questions.drain());
        while let Some(message) = asked.next().await {
            self.decline(&message).await;
        }
        let all = u32::try_from(ASKS_MAX).unwrap_or(u32::MAX);
        drop(turns.acquire_many(all).await);
        // What was answered is sent before the connection ends with the process.
        let _ = self.link.client.flush().await;
    }

    async fn decline(&self, message: &Message) {
        let Some(reply) = message.reply.clone() else { return };
        if let Err(error) = send_gone(&self.link.client, reply).await {
            tracing::debug!(host = %self.log.host(), reason = chain(&error), "could not decline");
        }
    }

    async fn listen(&self, subject: String) -> Result<Subscriber, DeskError> {
        let host = self.log.host();
        self.link.client.subscribe(subject).await.map_err(|error| DeskError { host, reason: chain(&error) })
    }

    async fn answer(&self, message: &Message, asked: Vec<u8>, stop: &watch::Receiver<bool>) {
        let Some(reply) = message.reply.clone() else { return };
        let word = message.subject.rsplit('.').next().unwrap_or_default();
        let answer = match Question::ALL.into_iter().find(|question| question.word() == word) {
            None => self.command(&asked, traced::of(message), stop).await,
            Some(Question::Carry) => carry::answer(&self.link, &self.blobs, &asked).await,
            Some(Question::Pass) => self.pass(&asked).await,
            Some(question) => self.question(question, &asked),
        };
        let Some(answer) = answer else {
            // Who gets no answer asks again; what can't be answered is in the log of this process.
            if *stop.borrow() {
                self.decline(message).await;
            }
            return;
        };
        if let Err(error) = send(&self.link.client, reply, None, answer).await {
            tracing::warn!(host = %self.log.host(), reason = chain(&error), "could not answer");
        }
    }

    fn question(&self, question: Question, asked: &[u8]) -> Option<Vec<u8>> {
        let reached = self.published.borrow().reached;
        let answer = question::answer(&self.log, question, asked, reached);
        answer.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, host = %self.log.host(), "could not answer a question");
            None
        })
    }

    /// None to what can't be understood, and while the host can't promise anything.
    async fn pass(&self, asked: &[u8]) -> Option<Vec<u8>> {
        let at = proto::ask::Pass::decode(asked).ok()?.at;
        let (reply, passed) = oneshot::channel();
        self.asks.send(Errand::Pass(Pass { at, reply })).await.ok()?;
        Some(PassReply { sequence: passed.await.ok()? }.encode())
    }

    /// None where the outcome must not be told: who asked asks again, with the same key.
    async fn command(&self, asked: &[u8], trace: Option<Trace>, stop: &watch::Receiver<bool>) -> Option<Vec<u8>> {
        let outcome = match proto::decode_ask(asked) {
            Ok(asked) => {
                let key = asked.key.map(|key| AskKey { seed: key.seed, content: key.content });
                let (reply, answer) = oneshot::channel();
                let (command, scope, after) = (asked.command, asked.scope, asked.after);
                let ask = Ask { command, scope, key, trace, after, reply };
                // Once its host is gone, an ask is dropped with the way to its answer.
                let sent = self.asks.send(Errand::Ask(Box::new(ask))).await;
                match (sent, answer.await) {
                    (Ok(()), Ok(outcome)) => outcome,
                    _ if *stop.borrow() => return None,
                    _ => Err(Rejection::Unavailable),
                }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, host = %self.log.host(), "could not read a command: is it of a newer version?");
                Err(Rejection::Unavailable)
            }
        };
        if let Ok(answer) = &outcome {
            let sequence = answer.sequence;
            self.published.clone().wait_for(|outgoing| outgoing.acknowledged >= sequence).await.ok()?;
        }
        Some(encoded(wired(outcome)))
    }
}

/// The bytes of a reply; what is too long for one is told without what was recorded, which the stream brings too.
fn encoded(reply: WireReply) -> Vec<u8> {
    let bytes = proto::encode_reply(&reply).or_else(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "a reply goes without its events");
        proto::encode_reply(&reply.map(|answer| WireAnswer { events: Arc::default(), ..answer }))
    });
    bytes.unwrap_or_default()
}

fn wired(outcome: Result<Answer, Rejection>) -> WireReply {
    outcome.map(|answer| {
        let Answer { host, sequence, events, repeated, receipts } = answer;
        WireAnswer { host, sequence, events, repeated, receipts }
    })
}
