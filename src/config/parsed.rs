//! Values out of text, one function a kind, and what was wrong on the way.

use std::time::Duration;

use super::mask;

/// What came out of a text: a value, faults, or both when only a part was refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parsed<T> {
    /// `None` when the whole text is refused, which then counts as unset.
    pub(super) value: Option<T>,
    pub(super) faults: Vec<Fault>,
}

/// One thing that is wrong with a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    /// The end of a sentence that starts with the variable.
    pub(super) what: String,
    /// What happens instead; `None` when the next source is used.
    pub(super) instead: Option<String>,
    /// The part at fault where the whole value would not help; masked already.
    pub(super) part: Option<String>,
}

impl Fault {
    /// The whole text is refused.
    pub(super) fn whole(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            instead: None,
            part: None,
        }
    }

    /// Only a part is refused.
    pub(super) fn partial(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            instead: Some(instead.into()),
            part: None,
        }
    }
}

impl<T> Parsed<T> {
    pub(super) fn good(value: T) -> Self {
        Self {
            value: Some(value),
            faults: Vec::new(),
        }
    }

    pub(super) fn bad(what: impl Into<String>) -> Self {
        Self {
            value: None,
            faults: vec![Fault::whole(what)],
        }
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Parsed<U> {
        Parsed {
            value: self.value.map(change),
            faults: self.faults,
        }
    }

    fn accepted(value: Option<T>, what: &str) -> Self {
        match value {
            Some(value) => Self::good(value),
            None => Self::bad(format!("is not {what}")),
        }
    }
}

pub(super) fn text(text: &str) -> Parsed<String> {
    match text.trim() {
        "" => Parsed::bad("is blank"),
        _ => Parsed::good(text.to_owned()),
    }
}

/// Only `true`, in any case, is true; everything else is false, and said so unless it is `false`.
pub(super) fn flag(text: &str) -> Parsed<bool> {
    let text = text.trim();
    let mut parsed = Parsed::good(text.eq_ignore_ascii_case("true"));
    if parsed.value == Some(false) && !text.eq_ignore_ascii_case("false") {
        parsed
            .faults
            .push(Fault::partial("is not true or false", "using false"));
    }
    parsed
}

/// The largest number the specification asks for; more milliseconds are 24 days, more queue slots are memory.
const LARGEST: u32 = i32::MAX as u32;

fn number(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|number| *number <= LARGEST)
}

pub(super) fn millis(text: &str, accepted: &str) -> Parsed<Duration> {
    Parsed::accepted(number(text), accepted)
        .map(|millis: u32| Duration::from_millis(u64::from(millis)))
}

pub(super) fn limit(text: &str, accepted: &str) -> Parsed<u32> {
    Parsed::accepted(number(text), accepted)
}

pub(super) fn size(text: &str, accepted: &str) -> Parsed<usize> {
    let size = number(text).filter(|number| *number > 0);
    Parsed::accepted(size.and_then(|size| usize::try_from(size).ok()), accepted)
}

/// `lowest` is zero where a free port may be asked for.
pub(super) fn port(text: &str, lowest: u16, accepted: &str) -> Parsed<u16> {
    let port = text.trim().parse().ok().filter(|port| *port >= lowest);
    Parsed::accepted(port, accepted)
}

pub(super) fn ratio(text: &str) -> Option<f64> {
    let ratio: f64 = text.trim().parse().ok()?;
    (0.0..=1.0).contains(&ratio).then_some(ratio)
}

/// Times a second.
pub(super) fn rate(text: &str) -> Option<f64> {
    let rate: f64 = text.trim().parse().ok()?;
    (rate.is_finite() && rate >= 0.0).then_some(rate)
}

/// The one of `words` that `text` is, in any case.
pub(super) fn word(text: &str, words: &[&'static str], accepted: &str) -> Parsed<&'static str> {
    match find_word(text.trim(), words) {
        Some(word) => Parsed::good(word),
        None => match refusal(text.trim()) {
            Some(reason) => Parsed::bad(format!("is not supported: {reason}")),
            None => Parsed::bad(format!("is not {accepted}")),
        },
    }
}

/// What a list means of which nothing is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenRefused {
    /// Nothing, so that nothing is sent where nobody wanted it.
    Nothing,
    /// The same as an unset variable.
    Unset,
}

/// Some of `words`, in order and without duplicates; `none` alone is the empty list.
pub(super) fn list(
    text: &str,
    words: &[&'static str],
    when_refused: WhenRefused,
) -> Parsed<Vec<&'static str>> {
    let mut found = Vec::new();
    let mut faults = Vec::new();
    let mut none = false;
    let mut refused = false;
    for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
        if entry.eq_ignore_ascii_case("none") {
            none = true;
        } else if let Some(word) = find_word(entry, words) {
            if !found.contains(&word) {
                found.push(word);
            }
        } else {
            let shown = mask::text(entry);
            let what = match refusal(entry) {
                Some(reason) => {
                    refused = true;
                    format!("has {shown:?}, which is not supported: {reason}")
                }
                None => format!("has {shown:?}, which is none of {}", words.join(", ")),
            };
            faults.push(Fault::partial(what, "ignoring it"));
        }
    }
    if none && !found.is_empty() {
        faults.push(Fault::partial("has none beside others", "ignoring none"));
    }
    let unset = found.is_empty() && !none && !(refused && when_refused == WhenRefused::Nothing);
    if unset {
        if faults.is_empty() {
            faults.push(Fault::whole("has no entry"));
        }
        for fault in &mut faults {
            fault.instead = None;
        }
    }
    Parsed {
        value: (!unset).then_some(found),
        faults,
    }
}

fn find_word(text: &str, words: &[&'static str]) -> Option<&'static str> {
    words
        .iter()
        .copied()
        .find(|word| word.eq_ignore_ascii_case(text))
}

/// Why a word of the specification, or of another SDK, is not accepted where it is not.
fn refusal(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "zipkin" => Some("the specification deprecates the Zipkin exporter; use otlp"),
        "jaeger" => Some("Jaeger takes OTLP; use otlp"),
        "logging" => Some("the specification renamed it; use console"),
        "prometheus" => Some("only metrics can be scraped"),
        "ottrace" => {
            Some("the specification deprecates OpenTracing headers; use tracecontext or b3")
        }
        "xray" => Some("it needs the rules of AWS; use parentbased_traceidratio"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_true_is_true() {
        assert_eq!(flag("TrUe"), Parsed::good(true));
        assert_eq!(flag("FALSE"), Parsed::good(false));
        for text in ["1", "yes", "on", "t", " "] {
            let parsed = flag(text);
            assert_eq!(parsed.value, Some(false), "{text}");
            assert_eq!(parsed.faults.len(), 1, "{text}");
        }
    }

    #[test]
    fn numbers_outside_the_range_of_the_specification_are_refused() {
        assert_eq!(limit("0", "").value, Some(0));
        assert_eq!(limit("2147483647", "").value, Some(LARGEST));
        for text in ["2147483648", "-1", "1.5", "10s", "", "0x10", "١"] {
            assert_eq!(limit(text, "").value, None, "{text}");
        }
    }

    #[test]
    fn zero_is_no_size() {
        assert_eq!(size("0", "").value, None);
        assert_eq!(size("1", "").value, Some(1));
    }

    #[test]
    fn ratio_stays_between_zero_and_one() {
        assert_eq!(ratio("0"), Some(0.0));
        assert_eq!(ratio("1.0"), Some(1.0));
        for text in ["-0.1", "1.0001", "NaN", "inf", "O.5", ""] {
            assert_eq!(ratio(text), None, "{text}");
        }
    }

    const WORDS: &[&str] = &["a", "b"];

    #[test]
    fn list_keeps_order_and_drops_duplicates() {
        let parsed = list(" B, a ,b,,A", WORDS, WhenRefused::Unset);
        assert_eq!(parsed, Parsed::good(vec!["b", "a"]));
    }

    #[test]
    fn none_is_the_empty_list() {
        assert_eq!(
            list("None", WORDS, WhenRefused::Unset),
            Parsed::good(Vec::new())
        );
    }

    #[test]
    fn none_beside_others_is_ignored_and_said() {
        let parsed = list("none,a", WORDS, WhenRefused::Unset);
        assert_eq!(parsed.value, Some(vec!["a"]));
        assert_eq!(parsed.faults.len(), 1);
    }

    #[test]
    fn unknown_entry_is_ignored_and_the_rest_kept() {
        let parsed = list("a,x", WORDS, WhenRefused::Unset);
        assert_eq!(parsed.value, Some(vec!["a"]));
        assert_eq!(parsed.faults[0].instead.as_deref(), Some("ignoring it"));
    }

    #[test]
    fn list_of_unknown_entries_counts_as_unset() {
        let parsed = list("x", WORDS, WhenRefused::Nothing);
        assert_eq!(parsed.value, None);
        assert_eq!(parsed.faults[0].instead, None);
    }

    #[test]
    fn exporter_that_cannot_be_had_is_not_replaced_by_another() {
        let parsed = list("zipkin", WORDS, WhenRefused::Nothing);
        assert_eq!(parsed.value, Some(Vec::new()));
        assert_eq!(parsed.faults.len(), 1);
    }
}
