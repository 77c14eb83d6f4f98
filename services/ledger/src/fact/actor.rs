//! Who wanted something, and by which way they came.

use serde::{Deserialize, Serialize};

use crate::catalog::Named;
use crate::id::{ObjectId, ServiceName};

/// Who wanted something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Actor {
    /// The holder of an API key.
    Key {
        /// The key and its name.
        key: Named,
        /// The account that it acts for.
        account: ObjectId,
    },
    /// The product itself.
    Service(ServiceName),
    /// Somebody at the machine, through the command line.
    Operator,
    /// A program that reports over NATS, where the subject says for whom.
    Producer {
        /// The account that it acts for.
        account: ObjectId,
    },
}

/// By which way the holder of a key came. It says nothing of the business: it is part of no state, digest or id, so that
/// what was begun on the command line and sent again by a program is one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Surface {
    /// A program over the API. Also everything that was recorded before the ways were told apart, and whoever has no key.
    #[default]
    Api,
    /// A person in the portal, which this product itself knows.
    Portal,
    /// The command line of this product, by what the client says of itself.
    Cli,
}

impl Surface {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Api, Self::Portal, Self::Cli];

    /// Its name in a history.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Portal => "portal",
            Self::Cli => "cli",
        }
    }
}

impl Actor {
    /// The id shown with `by`, where there is one.
    #[must_use]
    pub fn id(&self) -> Option<&ObjectId> {
        match self {
            Self::Key { key, .. } => Some(&key.id),
            Self::Producer { account } => Some(account),
            Self::Service(_) | Self::Operator => None,
        }
    }

    /// The name shown with `by`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Key { key, .. } => &key.name,
            Self::Service(service) => service.name(),
            Self::Operator => "operator",
            Self::Producer { .. } => "producer over NATS",
        }
    }
}
