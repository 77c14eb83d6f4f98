//! Faults that are planted, so that the checks are seen to fail: each is one line that a host or a gateway does wrong.

use ledger::fact::FileChecked;
use ledger::{Event, Fact, HostId, ServiceName};

/// What goes wrong, if anything does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Approval doesn't hear of verdicts with an odd number of records.
    FactLost,
    /// A gateway doesn't hear that records were closed.
    ClosingLost,
    /// A gateway folds what it has heard before once more.
    HeardTwice,
    /// A gateway hears some of approval's facts in another order.
    OrderTurned,
    /// Extraction hears of a record more than is valid.
    OffByOne,
    /// Extraction hears of another total.
    TotalOff,
    /// A request that comes again is decided again.
    KeyForgotten,
    /// A restart forgets the last line of ingestion's log.
    EndForgotten,
    /// A clock that is set back shows in what is recorded.
    ClockGoesBack,
    /// Whoever asks is answered.
    AnybodyAsks,
}

impl Fault {
    /// Every fault that is planted.
    pub(super) const ALL: [Self; 10] = [
        Self::FactLost,
        Self::ClosingLost,
        Self::HeardTwice,
        Self::OrderTurned,
        Self::OffByOne,
        Self::TotalOff,
        Self::KeyForgotten,
        Self::EndForgotten,
        Self::ClockGoesBack,
        Self::AnybodyAsks,
    ];

    /// Who does it wrong.
    fn is_of(self, host: HostId) -> bool {
        let wrong: &[ServiceName] = match self {
            Self::FactLost => &[ServiceName::Approval],
            Self::ClosingLost | Self::HeardTwice | Self::OrderTurned => &[ServiceName::Gateway],
            Self::OffByOne | Self::TotalOff => &[ServiceName::Extraction],
            Self::EndForgotten => &[ServiceName::Ingestion],
            Self::KeyForgotten | Self::ClockGoesBack | Self::AnybodyAsks => &ServiceName::WRITERS,
            Self::None => &[],
        };
        wrong.contains(&host.service)
    }

    pub(super) fn happens(self, fault: Self, host: HostId) -> bool {
        self == fault && self.is_of(host)
    }

    pub(super) fn loses(self, event: &Event, host: HostId) -> bool {
        match &event.fact {
            Fact::FileChecked(checked) => self.happens(Self::FactLost, host) && checked.valid % 2 == 1,
            Fact::RecordsClosed { .. } => self.happens(Self::ClosingLost, host),
            _ => false,
        }
    }

    pub(super) fn distorts(self, event: &mut Event, host: HostId) {
        let Fact::FileChecked(checked) = &mut event.fact else { return };
        let FileChecked { valid, totals, .. } = checked.as_mut();
        if self.happens(Self::OffByOne, host) {
            *valid += 1;
        }
        if let Some(total) = totals.first_mut().filter(|_| self.happens(Self::TotalOff, host)) {
            total.quantity = total.quantity.saturating_add(total.quantity);
        }
    }
}
