//! What tells the series of one span from those of another, as numbers.

use std::hash::{Hash, Hasher};

use super::cache::{Cached, finish, mix};
use super::outcome::{Kind, Status};

/// Fields of one span that can become labels: what fits in two cache lines an open span.
pub(crate) const MAX_SLOTS: usize = 22;

/// What tells the series of one span from those of another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) plan: u32,
    pub(super) name: u32,
    pub(super) kind: Kind,
    pub(super) status: Status,
    /// Only those that the plan has are not [`intern::ABSENT`].
    pub(super) slots: [u32; MAX_SLOTS],
    pub(super) slots_used: usize,
}

impl Identity {
    /// Every string that it names.
    pub(super) fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        [self.name].into_iter().chain(self.slots)
    }

    #[inline]
    pub(super) fn is(&self, other: &Self) -> bool {
        self.plan == other.plan
            && self.name == other.name
            && self.kind == other.kind
            && self.status == other.status
            && self.slots[..self.slots_used] == other.slots[..other.slots_used]
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.is(other)
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(Cached::hash(self));
    }
}

impl Cached for Identity {
    #[inline]
    fn hash(&self) -> u64 {
        let hash = mix(u64::from(self.plan), u64::from(self.name));
        let hash = mix(hash, (self.kind as u64) << 8 | self.status as u64);
        let slots = &self.slots[..self.slots_used];
        finish(
            slots
                .iter()
                .fold(hash, |hash, slot| mix(hash, u64::from(*slot))),
        )
    }
}
