//! Strings as small numbers: span names and field values are compared and stored as ids.
//!
//! # Hot path
//!
//! A string that this thread has seen costs a hash and a comparison in a cache of the thread; one that only others have
//! seen costs a read lock once. Nothing is allocated for a known string.
//!
//! Bounded: once [`SLACK`] strings came on top of those in use, the owner sweeps, and strings that no series and no open
//! span needs are forgotten. An id is never given to a second string, so what still holds the id of a forgotten one finds
//! nothing and can never show a wrong value.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::cache::{Cache, Cached, hash_text};

/// No value.
pub(super) const ABSENT: u32 = 0;
/// A value that has no id; only after four thousand million different ones.
pub(super) const OVERFLOW: u32 = u32::MAX;

/// Strings that may come before the next sweep: at 128 bytes each a quarter of a MiB, and a sweep, which looks at every
/// open span, is shared by as many new values.
const SLACK: usize = 2048;
/// Bytes kept of one string; a label longer than this helps nobody and could fill the memory.
pub(super) const MAX_BYTES: usize = 1024;

#[derive(Debug)]
pub(super) struct Interner {
    /// Whose entries in the cache of a thread are right; another number after every sweep.
    owner: AtomicU64,
    strings: RwLock<Strings>,
}

#[derive(Debug)]
struct Strings {
    ids: HashMap<Arc<str>, u32>,
    by_id: HashMap<u32, Arc<str>>,
    /// Never forgotten.
    kept: HashSet<u32>,
    next: u32,
    /// How many strings call for a sweep.
    crowded_at: usize,
}

struct Known {
    owner: u64,
    hash: u64,
    text: Arc<str>,
    id: u32,
}

impl Cached for Known {
    fn hash(&self) -> u64 {
        self.hash
    }
}

thread_local! {
    static SEEN: RefCell<Cache<Known>> = const { RefCell::new(Cache::new()) };
}

/// A number that no other owner of entries in a thread's cache has or had.
pub(super) fn new_owner() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Interner {
    pub(super) fn new() -> Self {
        Self {
            owner: AtomicU64::new(new_owner()),
            strings: RwLock::new(Strings {
                ids: HashMap::new(),
                by_id: HashMap::new(),
                kept: HashSet::new(),
                // 0 says "absent".
                next: 1,
                crowded_at: SLACK,
            }),
        }
    }

    /// The id of `text`, cut to [`MAX_BYTES`] at a character boundary; calls back when it is time to [sweep](Self::sweep).
    #[inline]
    pub(super) fn intern(&self, text: &str, crowded: impl FnOnce()) -> u32 {
        let text = cut(text);
        let hash = hash_text(text);
        // Relaxed: a thread that sees a sweep late may still use the id of a string that was forgotten. Such an id leads
        // nowhere, and its span counts in the overflow.
        let owner = self.owner.load(Ordering::Relaxed);
        let seen = SEEN.try_with(|seen| {
            let seen = seen.try_borrow().ok()?;
            let known = seen.get(hash)?;
            (known.owner == owner && *known.text == *text).then_some(known.id)
        });
        match seen {
            Ok(Some(id)) => id,
            _ => self.look_up(text, hash, owner, crowded),
        }
    }

    #[cold]
    fn look_up(&self, text: &str, hash: u64, owner: u64, crowded: impl FnOnce()) -> u32 {
        let found = {
            let strings = self.strings.read().unwrap_or_else(PoisonError::into_inner);
            strings
                .ids
                .get_key_value(text)
                .map(|(text, id)| (text.clone(), *id))
        };
        let Some((text, id)) = found else {
            return self.add(text, crowded);
        };
        // Not cached where it cannot be: in a destructor of the thread. A string is cached when it is met again, so that
        // those that come once do not push out those that stay.
        let _ = SEEN.try_with(|seen| {
            if let Ok(mut seen) = seen.try_borrow_mut() {
                let known = Known {
                    owner,
                    hash,
                    text,
                    id,
                };
                seen.put(known, |known| known.owner == owner);
            }
        });
        id
    }

    fn add(&self, text: &str, crowded: impl FnOnce()) -> u32 {
        let (id, is_crowded) = {
            let mut strings = self.strings.write().unwrap_or_else(PoisonError::into_inner);
            let id = strings.add(text);
            (id, strings.ids.len() > strings.crowded_at)
        };
        if is_crowded {
            crowded();
        }
        id
    }

    /// The id of a string that is never forgotten: there are as many as there are places for it in the program, or under a
    /// bound of the caller.
    pub(super) fn keep(&self, text: &str) -> u32 {
        let mut strings = self.strings.write().unwrap_or_else(PoisonError::into_inner);
        let id = strings.add(cut(text));
        if strings.kept.insert(id) {
            strings.crowded_at += 1;
        }
        id
    }

    /// The string behind an id, unless it is [`ABSENT`], [`OVERFLOW`] or forgotten.
    pub(super) fn get(&self, id: u32) -> Option<Arc<str>> {
        let strings = self.strings.read().unwrap_or_else(PoisonError::into_inner);
        strings.by_id.get(&id).cloned()
    }

    /// Forgets every string that `in_use` does not name. Does nothing if another thread has just done it.
    pub(super) fn sweep(&self, in_use: impl FnOnce(&mut HashSet<u32>)) {
        let mut strings = self.strings.write().unwrap_or_else(PoisonError::into_inner);
        if strings.ids.len() <= strings.crowded_at {
            return;
        }
        let mut used = strings.kept.clone();
        in_use(&mut used);
        strings.ids.retain(|_, id| used.contains(id));
        strings.by_id.retain(|id, _| used.contains(id));
        strings.crowded_at = strings.ids.len() + SLACK;
        self.owner.store(new_owner(), Ordering::Relaxed);
    }

    /// How many strings are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.strings.read().expect("no panic").ids.len()
    }
}

impl Strings {
    fn add(&mut self, text: &str) -> u32 {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        if self.next == OVERFLOW {
            return OVERFLOW;
        }
        let id = self.next;
        self.next += 1;
        let text: Arc<str> = text.into();
        self.by_id.insert(id, text.clone());
        self.ids.insert(text, id);
        id
    }
}

/// The longest beginning within [`MAX_BYTES`] that ends between two characters.
pub(super) fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_string_has_the_same_id_and_leads_back() {
        let interner = Interner::new();
        let id = interner.intern("a", || ());
        assert_eq!(interner.intern("a", || ()), id);
        assert_eq!(interner.intern("a", || ()), id);
        assert_ne!(interner.intern("b", || ()), id);
        assert_eq!(interner.get(id).as_deref(), Some("a"));
        assert_eq!(interner.get(ABSENT), None);
    }

    #[test]
    fn a_sweep_forgets_what_is_not_in_use_and_never_gives_an_id_again() {
        let interner = Interner::new();
        let kept = interner.keep("kept");
        let used = interner.intern("used", || ());
        let mut crowded = 0;
        let mut last = 0;
        for n in 0..20 * SLACK {
            let id = interner.intern(&format!("value {n}"), || {
                crowded += 1;
                interner.sweep(|ids| ids.extend([used]));
            });
            assert!(id > last);
            last = id;
        }
        assert!(crowded >= 19);
        assert!(interner.len() <= SLACK + 3);
        assert_eq!(interner.intern("used", || ()), used);
        assert_eq!(interner.keep("kept"), kept);
        assert_eq!(interner.get(used).as_deref(), Some("used"));
    }

    #[test]
    fn a_thread_that_knows_a_string_sees_that_it_was_forgotten() {
        let interner = Interner::new();
        let old = interner.intern("a", || ());
        assert_eq!(interner.intern("a", || ()), old);
        for n in 0..=SLACK {
            interner.intern(&n.to_string(), || interner.sweep(|_| ()));
        }
        assert_ne!(interner.intern("a", || ()), old);
        assert_eq!(interner.get(old), None);
    }

    #[test]
    fn long_strings_are_cut_at_a_character() {
        let interner = Interner::new();
        let id = interner.intern(&"é".repeat(MAX_BYTES), || ());
        let kept = interner.get(id).expect("an id");
        assert!(kept.len() <= MAX_BYTES && kept.chars().all(|c| c == 'é'));
    }
}
