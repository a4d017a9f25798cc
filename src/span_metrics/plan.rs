//! What matters at one callsite, decided once.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};

use super::intern::Interner;
use super::open::OpenSpan;
use super::outcome::{Kind, Status};
use crate::semconv;

/// What the fields of a span callsite mean for its series.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The interned name of the callsite.
    pub(super) name: u32,
    /// By field index.
    roles: Box<[Role]>,
    /// Whether any field matters; most spans are done without a visit.
    pub(super) any: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Ignored,
    Name,
    Kind,
    StatusCode,
    StatusDescription,
    Dimension(usize),
}

impl Plan {
    pub(super) fn new(
        metadata: &'static Metadata<'static>,
        dimensions: &[String],
        interner: &Interner,
    ) -> Self {
        let roles: Box<[Role]> = metadata
            .fields()
            .iter()
            .map(|field| match field.name() {
                semconv::FIELD_NAME => Role::Name,
                semconv::FIELD_KIND => Role::Kind,
                semconv::FIELD_STATUS_CODE => Role::StatusCode,
                semconv::FIELD_STATUS_DESCRIPTION => Role::StatusDescription,
                name => match dimensions.iter().position(|dimension| dimension == name) {
                    Some(index) => Role::Dimension(index),
                    None => Role::Ignored,
                },
            })
            .collect();
        Self {
            name: interner.intern(metadata.name()),
            any: roles.iter().any(|role| *role != Role::Ignored),
            roles,
        }
    }

    /// A visitor that writes what matters into `span`.
    pub(super) fn visitor<'a>(
        &'a self,
        span: &'a OpenSpan,
        interner: &'a Interner,
    ) -> impl Visit + 'a {
        FieldVisitor {
            plan: self,
            span,
            interner,
        }
    }
}

struct FieldVisitor<'a> {
    plan: &'a Plan,
    span: &'a OpenSpan,
    interner: &'a Interner,
}

impl FieldVisitor<'_> {
    fn role(&self, field: &Field) -> Role {
        self.plan
            .roles
            .get(field.index())
            .copied()
            .unwrap_or(Role::Ignored)
    }

    fn text(&self, role: Role, text: &str) {
        match role {
            Role::Ignored => {}
            // The exported span takes its name and kind when it starts; a later value is lost there, and so here.
            Role::Name if self.span.is_started() => {}
            Role::Name => self.span.set_name(self.interner.intern(text)),
            Role::Kind if self.span.is_started() => {}
            Role::Kind => self.span.set_kind(Kind::parse(text).unwrap_or_default()),
            Role::StatusCode => self.span.set_status(Status::parse(text)),
            Role::StatusDescription => self.span.set_status(Status::Error),
            Role::Dimension(index) => self.span.set_dimension(index, self.interner.intern(text)),
        }
    }

    /// Formats into a buffer of its own: `Debug` is the application's code and may open spans of its own.
    fn formatted(&self, field: &Field, value: fmt::Arguments<'_>) {
        let role = self.role(field);
        if role != Role::Ignored {
            self.text(role, &value.to_string());
        }
    }
}

impl Visit for FieldVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(self.role(field), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.text(self.role(field), if value { "true" } else { "false" });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.formatted(field, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.formatted(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.formatted(field, format_args!("{value:?}"));
    }
}

/// Whether an event makes its span an error, decided once per callsite as far as that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorRule {
    /// It never does.
    Never,
    /// It always does: the level is ERROR.
    Always,
    /// It does when its `error` field comes without a message.
    WithoutMessage,
}

impl ErrorRule {
    /// What can be said of all events of a callsite.
    pub(crate) fn of(metadata: &Metadata<'_>) -> Self {
        if *metadata.level() == Level::ERROR {
            Self::Always
        } else if metadata.fields().field(semconv::FIELD_ERROR).is_some() {
            Self::WithoutMessage
        } else {
            Self::Never
        }
    }

    /// Whether this event makes its span an error.
    pub(crate) fn is_error(self, event: &Event<'_>) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::WithoutMessage => {
                let mut visitor = ErrorVisitor::default();
                event.record(&mut visitor);
                visitor.error
            }
        }
    }
}

/// Follows `tracing-opentelemetry`: `error` counts while no message has been seen, in the order of the fields.
#[derive(Default)]
struct ErrorVisitor {
    message: bool,
    error: bool,
}

impl Visit for ErrorVisitor {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            semconv::FIELD_MESSAGE => self.message |= !format!("{value:?}").is_empty(),
            semconv::FIELD_ERROR => self.error |= !self.message,
            _ => {}
        }
    }

    fn record_error(&mut self, _: &Field, _: &(dyn std::error::Error + 'static)) {}

    fn record_bool(&mut self, _: &Field, _: bool) {}

    fn record_i64(&mut self, _: &Field, _: i64) {}

    fn record_u64(&mut self, _: &Field, _: u64) {}

    fn record_f64(&mut self, _: &Field, _: f64) {}
}
