//! Where a webhook may lead: out into the open network, and never to the machine that calls or to those near it, which
//! may trust whoever reaches them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::URL_CHARS_MAX;

/// Why an address isn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It is too long.
    Long,
    /// It is no absolute address of the web.
    Malformed,
    /// It has a name and a password in it.
    Credentials,
    /// What is sent could be read on its way.
    Plain,
    /// It leads to a machine that isn't in the open network.
    Private,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Long => write!(f, "It has more than {URL_CHARS_MAX} characters. Give a shorter one."),
            Self::Malformed => f.write_str("This is no address. Give one like https://example.com/usage."),
            Self::Credentials => f.write_str("Leave name and password out of the address: calls are signed."),
            Self::Plain => f.write_str("Give an address that begins with https://."),
            Self::Private => f.write_str("This address is not in the open network. Give one that everybody can reach."),
        }
    }
}

/// Whether a webhook may lead there, as far as its text says it; what a name means is known when it is called.
///
/// # Errors
/// See [`UrlError`].
pub fn check_url(url: &str, to_private: bool) -> Result<(), UrlError> {
    if url.chars().count() > URL_CHARS_MAX {
        return Err(UrlError::Long);
    }
    let (scheme, rest) = url.split_once("://").ok_or(UrlError::Malformed)?;
    let https = scheme.eq_ignore_ascii_case("https");
    if !(https || scheme.eq_ignore_ascii_case("http")) || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(UrlError::Malformed);
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(UrlError::Credentials);
    }
    if url.contains('#') {
        return Err(UrlError::Malformed);
    }
    let host = host(authority).ok_or(UrlError::Malformed)?;
    let near = to_private && host.is_loopback();
    if !(https || near) {
        return Err(UrlError::Plain);
    }
    let forbidden = match host {
        Host::Address(ip) => is_forbidden(ip, to_private),
        Host::Name(_) => host.is_loopback() && !to_private,
    };
    if forbidden { Err(UrlError::Private) } else { Ok(()) }
}

enum Host<'a> {
    Address(IpAddr),
    Name(&'a str),
}

impl Host<'_> {
    fn is_loopback(&self) -> bool {
        match self {
            Self::Address(ip) => ip.to_canonical().is_loopback(),
            Self::Name(name) => {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                name == "localhost" || name.ends_with(".localhost")
            }
        }
    }
}

/// The host of `host`, `host:port` or `[address]:port`.
fn host(authority: &str) -> Option<Host<'_>> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (Host::Address(IpAddr::V6(address.parse().ok()?)), port)
        }
        None => {
            let (name, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            (!name.is_empty() && name.bytes().all(plain)).then_some(())?;
            (name.parse().map_or(Host::Name(name), |ip| Host::Address(IpAddr::V4(ip))), port)
        }
    };
    let known = port.is_empty() || port.strip_prefix(':')?.parse::<u16>().is_ok_and(|port| port > 0);
    known.then_some(host)
}

/// Whether nobody is called at an address: all that isn't in the open network. A server may be told to call what is
/// private or its own machine; addresses at which clouds tell secrets stay forbidden.
#[must_use]
pub fn is_forbidden(ip: IpAddr, to_private: bool) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_special(ip) && !(to_private && (ip.is_loopback() || ip.is_private())),
        // 2000::/3 is what is given out; of it the first part is for protocols and tunnels, which lead on to any other
        // address, and so does 2002::/16. fc00::/7 is private.
        IpAddr::V6(ip) => {
            let [first, second, ..] = ip.segments();
            let open = (0x2000..0x4000).contains(&first)
                && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
                && first != 0x2002
                && !(first == 0x3fff && second < 0x1000);
            // A cloud tells its secrets in the private range too.
            let private = first & 0xfe00 == 0xfc00 && (first, second) != (0xfd00, 0x0ec2);
            !open && !(to_private && (ip == Ipv6Addr::LOCALHOST || private))
        }
    }
}

/// Ranges that aren't in the open network (RFC 6890 and its successors).
fn is_special(ip: Ipv4Addr) -> bool {
    matches!(
        ip.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each range by its ends and the neighbours that are open; whether a server that may call private ones does.
    #[test]
    fn only_the_open_network_is_called() {
        for (address, forbidden, to_private) in [
            ("1.1.1.1", false, false),
            ("0.0.0.0", true, true),
            ("0.255.255.255", true, true),
            ("9.255.255.255", false, false),
            ("10.0.0.0", true, false),
            ("10.255.255.255", true, false),
            ("11.0.0.0", false, false),
            ("100.63.255.255", false, false),
            ("100.64.0.0", true, true),
            ("100.127.255.255", true, true),
            ("100.128.0.0", false, false),
            ("127.0.0.1", true, false),
            ("127.255.255.255", true, false),
            ("169.253.255.255", false, false),
            ("169.254.0.0", true, true),
            ("169.254.169.254", true, true),
            ("172.15.255.255", false, false),
            ("172.16.0.0", true, false),
            ("172.31.255.255", true, false),
            ("172.32.0.0", false, false),
            ("192.0.0.192", true, true),
            ("192.0.2.1", true, true),
            ("192.88.99.1", true, true),
            ("192.167.255.255", false, false),
            ("192.168.0.1", true, false),
            ("198.18.0.1", true, true),
            ("198.19.255.255", true, true),
            ("198.51.100.7", true, true),
            ("203.0.113.7", true, true),
            ("223.255.255.255", false, false),
            ("224.0.0.1", true, true),
            ("240.0.0.1", true, true),
            ("255.255.255.255", true, true),
            ("2606:4700:4700::1111", false, false),
            ("::", true, true),
            ("::1", true, false),
            ("::7f00:1", true, true),
            ("::ffff:127.0.0.1", true, false),
            ("::ffff:169.254.169.254", true, true),
            ("::ffff:1.1.1.1", false, false),
            ("64:ff9b::7f00:1", true, true),
            ("100::1", true, true),
            ("2001::1", true, true),
            ("2001:1ff:ffff::1", true, true),
            ("2001:200::1", false, false),
            ("2001:db8::1", true, true),
            ("2002:7f00:1::1", true, true),
            ("3fff:fff::1", true, true),
            ("4000::1", true, true),
            ("fc00::1", true, false),
            ("fd00:ec2::254", true, true),
            ("fe80::1", true, true),
            ("fec0::1", true, true),
            ("ff02::1", true, true),
        ] {
            let ip = address.parse().unwrap();
            assert_eq!((is_forbidden(ip, false), is_forbidden(ip, true)), (forbidden, to_private), "{address}");
        }
    }

    #[test]
    fn an_address_is_taken_or_refused_for_what_it_says() {
        let long = format!("https://example.com/{}", "a".repeat(URL_CHARS_MAX));
        for (url, strict, to_private) in [
            ("https://example.com", Ok(()), Ok(())),
            ("HTTPS://example.com:8443/usage?a=b", Ok(()), Ok(())),
            ("https://[2606:4700:4700::1111]:8443/", Ok(()), Ok(())),
            // What such a name means is told by whoever resolves it.
            ("https://2130706433/", Ok(()), Ok(())),
            ("https://0x7f.1/", Ok(()), Ok(())),
            ("http://example.com/", Err(UrlError::Plain), Err(UrlError::Plain)),
            ("http://10.0.0.1/", Err(UrlError::Plain), Err(UrlError::Plain)),
            ("http://127.0.0.1:8080/", Err(UrlError::Plain), Ok(())),
            ("http://localhost:8080/", Err(UrlError::Plain), Ok(())),
            ("http://[::1]/", Err(UrlError::Plain), Ok(())),
            ("https://127.0.0.1/", Err(UrlError::Private), Ok(())),
            ("https://10.1.2.3/", Err(UrlError::Private), Ok(())),
            ("https://LOCALHOST./", Err(UrlError::Private), Ok(())),
            ("https://a.localhost/", Err(UrlError::Private), Ok(())),
            ("https://169.254.169.254/latest", Err(UrlError::Private), Err(UrlError::Private)),
            ("https://[::ffff:169.254.169.254]/", Err(UrlError::Private), Err(UrlError::Private)),
            ("https://user:word@example.com/", Err(UrlError::Credentials), Err(UrlError::Credentials)),
            ("https://example.com#@127.0.0.1/", Err(UrlError::Credentials), Err(UrlError::Credentials)),
            ("https://example.com/#part", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            ("https://example.com:0/", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            ("https://example.com:99999/", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            ("https://example.com:/", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            ("https://exa mple.com/", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            ("https://ex%61mple.com/", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            ("https://exämple.com/", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            ("https://example.com\\@127.0.0.1/", Err(UrlError::Credentials), Err(UrlError::Credentials)),
            ("https:///usage", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            ("https://[::1/", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            ("file:///etc/passwd", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            ("gopher://example.com/", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            ("example.com/usage", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            ("", Err(UrlError::Malformed), Err(UrlError::Malformed)),
            (&long, Err(UrlError::Long), Err(UrlError::Long)),
        ] {
            assert_eq!((check_url(url, false), check_url(url, true)), (strict, to_private), "{url}");
        }
    }
}
