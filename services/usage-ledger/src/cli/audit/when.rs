//! Points in time as an auditor names them, by the clock or by the sequences of logs, and what else is named in arguments.

use std::collections::BTreeMap;

use ledger::{FileId, HostId, Moment};

use crate::audit::fold::Until;

/// Reads one.
pub(super) fn when(text: &str) -> Result<Until, String> {
    if let Some(time) = Moment::parse_iso(text) {
        return Ok(Until::Time(time));
    }
    let position = |part: &str| {
        let (host, sequence) = part.split_once(':')?;
        Some((HostId::parse(host)?, sequence.parse().ok()?))
    };
    let positions: Option<BTreeMap<HostId, u64>> = text.split(',').map(position).collect();
    let what = "an instant (2026-11-05T12:00:00Z), a date, or a sequence of each log (approval-0:120,ingestion-0:77)";
    positions.map(Until::Positions).ok_or_else(|| what.to_owned())
}

/// Reads the name of a log.
pub(super) fn host(text: &str) -> Result<HostId, String> {
    HostId::parse(text).ok_or_else(|| "a log, as in approval-0: its service and its partition".to_owned())
}

/// Reads the id of a usage file.
pub(super) fn file(text: &str) -> Result<FileId, String> {
    FileId::parse(text).ok_or_else(|| "a usage file, as in UF-2026-11-0000-0001".to_owned())
}

#[cfg(test)]
mod tests {
    use ledger::ServiceName;

    use super::*;

    #[test]
    fn a_point_in_time_is_an_instant_or_sequences() {
        let approval = HostId::new(ServiceName::Approval, 0);
        let at = |text| Some(Until::Time(Moment::parse_iso(text).expect("an instant")));
        for (text, expected) in [
            ("2026-11-05T12:00:00Z", at("2026-11-05T12:00:00+00:00")),
            ("2026-11-05", at("2026-11-05T00:00:00+00:00")),
            ("approval-0:120", Some(Until::Positions([(approval, 120)].into()))),
            ("approval-00:120", None),
            ("approval-0", None),
            ("gateway-0:1", None),
            ("yesterday", None),
        ] {
            assert_eq!(when(text).ok(), expected, "{text}");
        }
    }
}
