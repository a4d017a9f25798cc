//! The vocabulary of the tables: what a property may hold.

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(in crate::config::file) enum Type {
    Text {
        nullable: bool,
    },
    Flag {
        nullable: bool,
    },
    /// From and up to, both included; null is always accepted.
    Integer(i64, i64),
    /// From and up to, both included.
    Number {
        from: f64,
        to: f64,
        nullable: bool,
    },
    /// One of these words, or null.
    Word(&'static [&'static str]),
    /// At least so many of these.
    List(&'static Type, usize),
    Object(&'static Object),
    /// A text, number, switch, null, or a list of one kind of them.
    AttributeValue,
}

/// What the properties of an object may be.
#[derive(Debug)]
pub(in crate::config::file) struct Object {
    pub(super) properties: &'static [(&'static str, Type)],
    pub(super) required: &'static [&'static str],
    pub(super) nullable: bool,
    pub(super) others: Others,
    pub(super) count: Count,
}

/// Properties that are not in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    Refused,
    /// Any value.
    Accepted,
    /// Any object.
    Objects,
    /// Components that somebody else provides: an object or null.
    Components,
}

/// How many properties there must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Any,
    AtLeastOne,
    ExactlyOne,
}

type Properties = &'static [(&'static str, Type)];

impl Object {
    const fn new(properties: Properties, others: Others, count: Count) -> Self {
        Self {
            properties,
            required: &[],
            nullable: false,
            others,
            count,
        }
    }

    /// These properties and no others.
    pub(super) const fn closed(properties: Properties) -> Self {
        Self::new(properties, Others::Refused, Count::Any)
    }

    /// These properties and any others.
    pub(super) const fn open(properties: Properties) -> Self {
        Self::new(properties, Others::Accepted, Count::Any)
    }

    /// Exactly one of these properties.
    pub(super) const fn one_of(properties: Properties) -> Self {
        Self::new(properties, Others::Refused, Count::ExactlyOne)
    }

    /// Exactly one property: one of these, or the name of a component that somebody else provides.
    pub(super) const fn component(properties: Properties) -> Self {
        Self::new(properties, Others::Components, Count::ExactlyOne)
    }

    /// Objects by name.
    pub(super) const fn objects(properties: Properties) -> Self {
        Self::new(properties, Others::Objects, Count::Any)
    }

    pub(super) const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    pub(super) const fn at_least_one(mut self) -> Self {
        self.count = Count::AtLeastOne;
        self
    }

    pub(super) const fn requires(mut self, names: &'static [&'static str]) -> Self {
        self.required = names;
        self
    }
}

pub(super) const TEXT: Type = Type::Text { nullable: false };
pub(super) const TEXT_OR_NULL: Type = Type::Text { nullable: true };
pub(super) const FLAG: Type = Type::Flag { nullable: false };
pub(super) const FLAG_OR_NULL: Type = Type::Flag { nullable: true };
pub(super) const COUNT: Type = Type::Integer(0, i64::MAX);
pub(super) const SIZE: Type = Type::Integer(1, i64::MAX);
pub(super) const INTEGER: Type = Type::Integer(i64::MIN, i64::MAX);
pub(super) const RATIO: Type = Type::Number {
    from: 0.0,
    to: 1.0,
    nullable: true,
};
pub(super) const NUMBER: Type = Type::Number {
    from: f64::NEG_INFINITY,
    to: f64::INFINITY,
    nullable: false,
};

/// An integer between two bounds, both included.
pub(super) const fn integer(from: i64, to: i64) -> Type {
    Type::Integer(from, to)
}

/// No property at all, or null: the component has nothing to set.
pub(super) static EMPTY: Object = Object::closed(&[]).nullable();
