//! One call over HTTP, to nobody but whom it may reach: names are looked up for each call, what they mean is looked at
//! before anything is sent, and the connection goes to what was looked at. No proxy, no redirect, no connection that is
//! used again, and of the answer nothing but its status.

use std::io;
use std::time::Duration;

use gateway::Call;
use ledger::webhook::{check_url, is_forbidden};
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

/// A call that isn't over by then has failed.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Of that, for the connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Bytes of an answer's headers.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// What an account is told of an address that isn't called.
const FORBIDDEN: &str = "leads to an address that is not in the open network";

/// Sends calls.
#[derive(Debug)]
pub(super) struct Caller {
    agent: Agent,
    to_private: bool,
}

impl Caller {
    pub(super) fn new(to_private: bool) -> Self {
        let config = Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(TIME_MAX))
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .max_response_header_size(HEADER_BYTES_MAX)
            .max_idle_connections(0)
            .user_agent("usage-ledger")
            .build();
        let guard = Guard { resolver: DefaultResolver::default(), to_private };
        Self { agent: Agent::with_parts(config, DefaultConnector::default(), guard), to_private }
    }

    /// Sends a call. Whoever answers in the 200s took it; else the reason is for the webhook's account to read, and says
    /// no more of the network than it has to.
    pub(super) fn post(&self, call: &Call) -> Result<(), String> {
        check_url(&call.url, self.to_private).map_err(|_| FORBIDDEN.to_owned())?;
        let mut request = self.agent.post(&call.url);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        match request.send(&call.body) {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(format!("answered {}", response.status().as_u16())),
            Err(error) => Err(reason(&error)),
        }
    }
}

fn reason(error: &Error) -> String {
    match error {
        Error::Io(error) if is_refusal(error) => FORBIDDEN.to_owned(),
        Error::Timeout(_) => format!("did not answer within {} seconds", TIME_MAX.as_secs()),
        Error::HostNotFound => "has a name that is not known".to_owned(),
        Error::Rustls(_) | Error::Tls(_) => "has no certificate that holds".to_owned(),
        _ => "could not be reached".to_owned(),
    }
}

/// What a name means, unless somebody of it may not be called.
#[derive(Debug)]
struct Guard {
    resolver: DefaultResolver,
    to_private: bool,
}

impl Resolver for Guard {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.resolver.resolve(uri, config, timeout)?;
        let plain = uri.scheme_str() != Some("https");
        let refused = found.iter().map(|address| address.ip().to_canonical()).any(|ip| {
            // Without encryption nothing leaves this machine.
            is_forbidden(ip, self.to_private) || (plain && !ip.is_loopback())
        });
        if refused { Err(Error::Io(io::Error::other(Refusal))) } else { Ok(found) }
    }
}

/// Marks our own refusal among the errors of the network.
#[derive(Debug, thiserror::Error)]
#[error("the address may not be called")]
struct Refusal;

fn is_refusal(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Refusal>())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn call(url: &str) -> Call {
        Call { url: url.to_owned(), headers: vec![("X-Hub".to_owned(), "1".to_owned())], body: "{}".to_owned() }
    }

    /// Goal: nobody has this server call itself or its neighbours, however the address is written. Method: a listener
    /// on this machine, which nothing reaches.
    #[test]
    fn no_spelling_of_a_forbidden_address_is_called() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in [
            "127.0.0.1",
            "127.1",
            "127.000.000.001",
            "0177.0.0.1",
            "0x7f.0.0.1",
            "0x7f000001",
            "2130706433",
            "017700000001",
            "0",
            "0.0.0.0",
            "localhost",
            "LocalHost",
            "localhost.",
            "[::1]",
            "[::]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "3232235521",
            "100.64.0.1",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "[::ffff:169.254.169.254]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            for url in [format!("https://{host}:{port}/usage"), format!("http://{host}:{port}/usage")] {
                assert_eq!(Caller::new(false).post(&call(&url)), Err(FORBIDDEN.to_owned()), "{url}");
            }
        }
        // Whoever may call private addresses may not call these.
        for host in ["169.254.169.254", "2852039166", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]", "0.0.0.0", "[fe80::1]"] {
            let url = format!("https://{host}:{port}/");
            assert_eq!(Caller::new(true).post(&call(&url)), Err(FORBIDDEN.to_owned()), "{url}");
        }
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock, "nobody came");
    }

    /// Answers one request with each of some answers, and gives what it was asked.
    fn served(answers: &'static [&'static str]) -> (String, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/usage", listener.local_addr().unwrap());
        let server = move || {
            let answer = |answer: &&str| {
                let (mut stream, _) = listener.accept().unwrap();
                let (mut asked, mut buffer) = (String::new(), [0; 4096]);
                while !asked.ends_with("{}") {
                    let read = stream.read(&mut buffer).unwrap();
                    asked.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
                }
                stream.write_all(answer.as_bytes()).unwrap();
                asked
            };
            answers.iter().map(answer).collect()
        };
        (url, thread::spawn(server))
    }

    #[test]
    fn only_an_answer_in_the_200s_is_a_success_and_nobody_is_sent_elsewhere() {
        let (url, server) = served(&[
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nmore and more",
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            "nonsense\r\n\r\n",
        ]);
        let caller = Caller::new(true);
        for expected in
            [Ok(()), Ok(()), Err("answered 302"), Err("answered 307"), Err("answered 503"), Err("could not be reached")]
        {
            assert_eq!(caller.post(&call(&url)), expected.map_err(str::to_owned));
        }
        for asked in server.join().unwrap() {
            assert!(asked.starts_with("POST /usage HTTP/1.1\r\n"), "{asked}");
            assert!(asked.to_lowercase().contains("x-hub: 1\r\n"), "{asked}");
        }
        assert_eq!(caller.post(&call(&url)), Err("could not be reached".to_owned()), "nobody listens any more");
    }
}
