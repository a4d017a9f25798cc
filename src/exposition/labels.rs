//! Label sets, rendered once.

use std::borrow::Cow;
use std::mem;

use super::names::label_name;

/// The labels of a series as they stand on the page, escaped and without braces: `method="GET",route="/"`.
///
/// Rendering costs allocations, writing what was rendered does not: make one when the series is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Box<str>);

impl Labels {
    /// Renders attributes as labels, sorted by label name.
    ///
    /// - Keys become valid label names: `http.route` is `http_route`, `le` is `exported_le`.
    /// - Different keys that become the same name share one label, their values joined with `;` in the order of the keys.
    /// - Of one key given twice the last value counts.
    /// - An empty value leaves the label out, which to Prometheus is the same.
    pub fn render<K, V>(attributes: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let attributes: Vec<(K, V)> = attributes.into_iter().collect();
        let mut pairs = Pairs::default();
        for (key, value) in &attributes {
            pairs.add(key.as_ref(), Cow::Borrowed(value.as_ref()));
        }
        let mut text = String::new();
        pairs.write(&mut text);
        Self(text.into_boxed_str())
    }

    /// The labels as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Attributes on their way to becoming labels; reused from one series to the next.
#[derive(Debug, Default)]
pub(crate) struct Pairs<'a>(Vec<Pair<'a>>);

#[derive(Debug)]
struct Pair<'a> {
    label: Cow<'a, str>,
    key: &'a str,
    value: Cow<'a, str>,
}

impl<'a> Pairs<'a> {
    pub(crate) fn add(&mut self, key: &'a str, value: Cow<'a, str>) {
        self.add_as(label_name(key), key, value);
    }

    /// Adds a pair under a label name that the caller has chosen.
    pub(crate) fn add_as(&mut self, label: Cow<'a, str>, key: &'a str, value: Cow<'a, str>) {
        self.0.push(Pair { label, key, value });
    }

    /// Appends the labels and forgets the pairs.
    pub(crate) fn write(&mut self, out: &mut String) {
        // Stable, so that of one key given twice the last one stays last.
        self.0
            .sort_by(|a, b| a.label.cmp(&b.label).then_with(|| a.key.cmp(b.key)));
        self.0.dedup_by(|later, kept| {
            let same = later.label == kept.label && later.key == kept.key;
            if same {
                mem::swap(later, kept);
            }
            same
        });
        let start = out.len();
        for group in self.0.chunk_by(|a, b| a.label == b.label) {
            if group.iter().all(|pair| pair.value.is_empty()) {
                continue;
            }
            if out.len() > start {
                out.push(',');
            }
            out.push_str(&group[0].label);
            out.push_str("=\"");
            for (at, pair) in group.iter().enumerate() {
                if at > 0 {
                    out.push(';');
                }
                escape(out, &pair.value, Quotes::Escaped);
            }
            out.push('"');
        }
        self.0.clear();
    }
}

/// Whether double quotes need a backslash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// In label values, and in OpenMetrics help.
    Escaped,
    /// In the help of the text format.
    Plain,
}

/// Appends text with backslashes, line feeds and, where asked, quotes escaped.
///
/// Other control characters, NUL included, stand for themselves: Prometheus reads them.
pub(crate) fn escape(out: &mut String, text: &str, quotes: Quotes) {
    let mut rest = text;
    let special =
        |byte: u8| matches!(byte, b'\\' | b'\n') || (byte == b'"' && quotes == Quotes::Escaped);
    while let Some(at) = rest.bytes().position(special) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'\\' => "\\\\",
            b'\n' => "\\n",
            _ => "\\\"",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn render(pairs: &[(&str, &str)]) -> String {
        Labels::render(pairs.iter().copied()).as_str().to_owned()
    }

    #[test]
    fn labels_are_sorted_by_name() {
        assert_eq!(render(&[("b", "2"), ("a.x", "1")]), r#"a_x="1",b="2""#);
    }

    #[test]
    fn colliding_keys_are_joined_in_key_order() {
        assert_eq!(render(&[("x/y", "2"), ("x.y", "1")]), r#"x_y="1;2""#);
    }

    #[test]
    fn last_value_of_a_repeated_key_counts() {
        assert_eq!(
            render(&[("a", "1"), ("b", "x"), ("a", "2")]),
            r#"a="2",b="x""#
        );
    }

    #[test]
    fn empty_values_leave_the_label_out() {
        assert_eq!(render(&[("a", ""), ("b", "x"), ("c", "")]), r#"b="x""#);
        assert_eq!(render(&[("a", "1"), ("a", "")]), "");
    }

    #[test]
    fn special_characters_are_escaped() {
        assert_eq!(
            render(&[("a", "q\"b\\n\nz\t\0")]),
            "a=\"q\\\"b\\\\n\\nz\t\0\""
        );
    }

    /// Reads labels back by the grammar of the text format, independently of the writer.
    fn parse(text: &str) -> Vec<(String, String)> {
        let mut characters = text.chars().peekable();
        let mut labels = Vec::new();
        while characters.peek().is_some() {
            let name: String = std::iter::from_fn(|| characters.next_if(|c| *c != '=')).collect();
            assert_eq!(
                (characters.next(), characters.next()),
                (Some('='), Some('"'))
            );
            let mut value = String::new();
            loop {
                match characters.next().unwrap() {
                    '"' => break,
                    '\\' => value.push(match characters.next().unwrap() {
                        'n' => '\n',
                        same @ ('\\' | '"') => same,
                        other => panic!("unknown escape {other}"),
                    }),
                    '\n' => panic!("bare line feed"),
                    other => value.push(other),
                }
            }
            labels.push((name, value));
            assert!(matches!(characters.next(), None | Some(',')));
        }
        labels
    }

    proptest! {
        #[test]
        fn values_read_back_as_they_were(values in prop::collection::vec("(?s).+", 0..6)) {
            let pairs: Vec<(String, String)> =
                values.iter().enumerate().map(|(i, value)| (format!("k{i}"), value.clone())).collect();
            let labels = Labels::render(pairs.clone());
            prop_assert_eq!(parse(labels.as_str()), pairs);
        }

        #[test]
        fn label_names_are_unique_and_sorted(pairs in prop::collection::vec((any::<String>(), any::<String>()), 0..8)) {
            let names: Vec<String> = parse(Labels::render(pairs).as_str()).into_iter().map(|(name, _)| name).collect();
            let mut sorted = names.clone();
            sorted.sort();
            sorted.dedup();
            prop_assert_eq!(names, sorted);
        }

        #[test]
        fn order_of_distinct_attributes_does_not_matter(pairs in prop::collection::hash_map("[a-z./]{1,4}", "[a-z]{0,3}", 0..6)) {
            let mut pairs: Vec<(String, String)> = pairs.into_iter().collect();
            let forward = Labels::render(pairs.clone());
            pairs.reverse();
            prop_assert_eq!(forward, Labels::render(pairs));
        }
    }
}
