//! Reading the fields of a span as they are recorded.
//!
//! # Hot path
//!
//! A visit per span that has fields of interest; nothing is allocated for texts, numbers and truth values. What has to be
//! formatted is cut while it is written: a value of ten megabytes costs no more than one of [`MAX_BYTES`].

use std::cell::Cell;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::field::{Field, Visit};

use super::intern::{ABSENT, MAX_BYTES};
use super::open::OpenSpan;
use super::outcome::{Kind, Status};
use super::plan::{Form, Plan, Role};
use crate::semconv;

/// Writes what matters into an open span.
pub(super) struct FieldVisitor<'a, I> {
    pub(super) plan: &'a Plan,
    pub(super) span: &'a OpenSpan,
    /// The id of a text.
    pub(super) intern: I,
}

impl<I: Fn(&str) -> u32> FieldVisitor<'_, I> {
    #[inline]
    fn role(&self, field: &Field) -> Role {
        let role = self.plan.roles.get(field.index());
        role.copied().unwrap_or(Role::Ignored)
    }

    fn text(&self, role: Role, text: &str) {
        match role {
            Role::Ignored => {}
            // The exported span takes its name and kind when it starts; a later value is lost there, and so here.
            Role::Name if self.span.is_started() => {}
            Role::Name => self.span.set_name((self.intern)(text)),
            Role::Kind if self.span.is_started() => {}
            Role::Kind => self.span.set_kind(Kind::parse(text).unwrap_or_default()),
            Role::StatusCode => self.span.set_status(Status::parse(text)),
            Role::StatusDescription => self.span.set_status(Status::Error),
            Role::Slot(slot, form) => {
                let id = form.of_text(text).map_or(ABSENT, &self.intern);
                self.span.set_slot(slot, id);
            }
        }
    }

    fn number(&self, field: &Field, number: impl itoa::Integer) {
        match self.role(field) {
            Role::Ignored => {}
            role => self.text(role, itoa::Buffer::new().format(number)),
        }
    }

    fn formatted(&self, field: &Field, value: fmt::Arguments<'_>) {
        let role = self.role(field);
        if role == Role::Ignored {
            return;
        }
        // Taken, not borrowed: `Debug` is the application's code and may open spans of its own.
        let mut text = Cut(TEXT.try_with(Cell::take).unwrap_or_default());
        text.0.clear();
        // What panics while it is shown has no value here; others that show it may go down with it.
        let written = catch_unwind(AssertUnwindSafe(|| text.write_fmt(value)));
        if written.is_ok() {
            self.text(role, &text.0);
        }
        let _ = TEXT.try_with(|kept| kept.set(text.0));
    }
}

thread_local! {
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
}

/// A text that stops the one who writes once it is as long as a label may be.
struct Cut(String);

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = text.len().min(MAX_BYTES - self.0.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.0.push_str(&text[..end]);
        if end < text.len() {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

impl<I: Fn(&str) -> u32> Visit for FieldVisitor<'_, I> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(self.role(field), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.text(self.role(field), if value { "true" } else { "false" });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.number(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.number(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.formatted(field, format_args!("{value:?}"));
    }
}

impl Form {
    /// What is kept of `text`; `None` keeps nothing.
    pub(super) fn of_text(self, text: &str) -> Option<&str> {
        match self {
            Self::Plain => Some(text),
            Self::HttpMethod if text.is_empty() => None,
            Self::HttpMethod if semconv::HTTP_METHODS.contains(&text) => Some(text),
            Self::HttpMethod => Some(semconv::OTHER),
            Self::HttpStatus => {
                let status: u16 = text.parse().ok()?;
                (100..600).contains(&status).then_some(text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_stops_at_the_length_of_a_label() {
        let mut text = Cut(String::new());
        let parts = std::iter::repeat_n("é", MAX_BYTES);
        let written = parts.map(|part| text.write_str(part)).filter(Result::is_ok);
        assert_eq!(written.count(), MAX_BYTES / 2);
        assert_eq!(text.0.len(), MAX_BYTES);
    }

    #[test]
    fn unknown_methods_become_one_word() {
        assert_eq!(Form::HttpMethod.of_text("PATCH"), Some("PATCH"));
        for other in ["get", "FOO", "GET "] {
            assert_eq!(Form::HttpMethod.of_text(other), Some("_OTHER"), "{other}");
        }
    }

    #[test]
    fn only_numbers_of_responses_are_statuses() {
        assert_eq!(Form::HttpStatus.of_text("404"), Some("404"));
        for other in ["99", "600", "-1", "200 OK", ""] {
            assert_eq!(Form::HttpStatus.of_text(other), None, "{other}");
        }
    }
}
