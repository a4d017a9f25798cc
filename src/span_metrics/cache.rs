//! A small cache for one thread: one place a hash, larger when much is in use.
//!
//! # Hot path
//!
//! [`Cache::get`] is one index and one comparison. A thread that uses more than fits, up to [`MOST`], gets more places:
//! the price of a span must not depend on how many series live.

/// Places of a cache when it is first used: 4 KiB at most.
const FIRST: usize = 256;
/// Places at most: with ten thousand series in use most still have a place of their own.
const MOST: usize = 1 << 14;

/// What a cache keeps.
pub(super) trait Cached {
    /// The same as it was put under.
    fn hash(&self) -> u64;
}

/// Keeps the last value of each place.
#[derive(Debug)]
pub(super) struct Cache<T> {
    places: Vec<Option<T>>,
    /// Values that another one took the place of since the last growth.
    evicted: usize,
}

impl<T: Cached> Cache<T> {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            evicted: 0,
        }
    }

    /// What stands in the place of `hash`; the caller compares.
    #[inline]
    pub(super) fn get(&self, hash: u64) -> Option<&T> {
        // An empty cache has no place 0 either.
        let mask = self.places.len().wrapping_sub(1);
        self.places.get(hash as usize & mask)?.as_ref()
    }

    /// Puts `value` into its place; `is_live` says of another one there whether it is still of use.
    pub(super) fn put(&mut self, value: T, is_live: impl Fn(&T) -> bool) {
        if self.places.is_empty() {
            self.places.resize_with(FIRST, || None);
        }
        if self.get(value.hash()).is_some_and(&is_live) {
            self.evicted += 1;
            if self.evicted > self.places.len() / 2 && self.places.len() < MOST {
                self.grow(is_live);
            }
        }
        let place = value.hash() as usize & (self.places.len() - 1);
        self.places[place] = Some(value);
    }

    fn grow(&mut self, is_live: impl Fn(&T) -> bool) {
        let mut places = Vec::new();
        places.resize_with(self.places.len() * 2, || None);
        let mask = places.len() - 1;
        for value in self.places.drain(..).flatten().filter(|v| is_live(v)) {
            let place = value.hash() as usize & mask;
            places[place] = Some(value);
        }
        self.places = places;
        self.evicted = 0;
    }
}

/// Spreads the bits of a hash that was made by multiplying: its low ones are weak.
#[inline]
pub(super) fn finish(hash: u64) -> u64 {
    hash ^ (hash >> 32)
}

/// One more word into a hash; good enough for a place in a cache, which is compared anyway.
#[inline]
pub(super) fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A hash of a text, eight bytes at a time.
#[inline]
pub(super) fn hash_text(text: &str) -> u64 {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut hash = mix(0, text.len() as u64);
    for word in words {
        hash = mix(finish(hash), u64::from_le_bytes(*word));
    }
    let mut last = 0;
    for &byte in rest {
        last = last << 8 | u64::from(byte);
    }
    finish(mix(finish(hash), last))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Cached for u64 {
        fn hash(&self) -> u64 {
            *self
        }
    }

    #[test]
    fn an_empty_cache_finds_nothing() {
        assert_eq!(Cache::<u64>::new().get(0), None);
    }

    #[test]
    fn a_cache_in_much_use_grows_until_everything_has_a_place() {
        let mut cache = Cache::new();
        for _ in 0..4 {
            for value in 0..5_000_u64 {
                if cache.get(value) != Some(&value) {
                    cache.put(value, |_| true);
                }
            }
        }
        assert!((0..5_000).all(|value| cache.get(value) == Some(&value)));
    }

    #[test]
    fn a_cache_never_grows_beyond_its_bound() {
        let mut cache = Cache::new();
        for value in 0..10 * MOST as u64 {
            cache.put(value, |_| true);
        }
        assert_eq!(cache.places.len(), MOST);
    }

    #[test]
    fn texts_that_differ_in_one_byte_have_other_hashes() {
        for text in ["a", "abcdefgh", "abcdefghi", ""] {
            assert_ne!(hash_text(text), hash_text(&format!("{text}x")));
        }
    }
}
