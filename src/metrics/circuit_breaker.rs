//! A circuit breaker: its state, its trips, what it turned away.

use std::sync::{Arc, Mutex};

use super::{Bound, Counter, Definition, Error, Gauge, Registry, sync::lock};

const NAME: &str = "circuit_breaker.name";
const STATE_KEY: &str = "circuit_breaker.state";

const CURRENT: Definition<Gauge> = Gauge::define("circuit_breaker.state")
    .help("1 for the state that the breaker is in, 0 for the others")
    .labels(&[NAME, STATE_KEY]);
const TRANSITIONS: Definition<Counter> = Counter::define("circuit_breaker.transitions")
    .unit("{transition}")
    .help("How often the breaker entered a state")
    .labels(&[NAME, STATE_KEY]);
const REJECTED: Definition<Counter> = Counter::define("circuit_breaker.rejected")
    .unit("{call}")
    .help("Calls that the breaker did not let through")
    .labels(&[NAME]);

/// The state of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls go through.
    Closed,
    /// A few calls go through, to see.
    HalfOpen,
    /// No call goes through.
    Open,
}

impl State {
    const ALL: [Self; 3] = [Self::Closed, Self::HalfOpen, Self::Open];

    fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// A circuit breaker. Clones share their series and their state.
///
/// | metric | what it says |
/// |---|---|
/// | `circuit_breaker.state` | 1 for the current `circuit_breaker.state` (`closed`, `half_open`, `open`), else 0 |
/// | `circuit_breaker.transitions` | how often a state was entered; those into `open` are the trips |
/// | `circuit_breaker.rejected` | calls turned away |
///
/// ```
/// use spanwise::metrics::{CircuitBreaker, Registry, circuit_breaker::State};
///
/// let registry = Registry::default();
/// let payments = CircuitBreaker::new(&registry, "payments")?;
/// payments.enter(State::Open);
/// payments.reject();
///
/// let open = [("circuit_breaker.name", "payments"), ("circuit_breaker.state", "open")];
/// assert_eq!(registry.snapshot().get("circuit_breaker.transitions", open).unwrap().as_f64(), 1.0);
/// # Ok::<_, spanwise::metrics::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CircuitBreaker {
    name: String,
    state: Arc<Mutex<State>>,
    current: Gauge,
    transitions: Counter,
    rejected: Bound<Counter>,
}

impl CircuitBreaker {
    /// A closed breaker of this name.
    ///
    /// # Errors
    ///
    /// As [`Registry::register`].
    #[track_caller]
    pub fn new(registry: &Registry, name: &str) -> Result<Self, Error> {
        let breaker = Self {
            name: name.to_owned(),
            state: Arc::new(Mutex::new(State::Closed)),
            current: registry.register(&CURRENT)?,
            transitions: registry.register(&TRANSITIONS)?,
            rejected: registry.register(&REJECTED)?.bind([(NAME, name)]),
        };
        breaker.show(State::Closed);
        Ok(breaker)
    }

    /// Enters a state; entering the one it is in changes nothing.
    pub fn enter(&self, state: State) {
        if std::mem::replace(&mut *lock(&self.state), state) == state {
            return;
        }
        self.transitions
            .add(1, [(NAME, &*self.name), (STATE_KEY, state.as_str())]);
        // Gauges may be watched, and no lock is held over a watch. Whoever showed a state that another thread has replaced shows again.
        loop {
            let shown = *lock(&self.state);
            self.show(shown);
            if *lock(&self.state) == shown {
                break;
            }
        }
    }

    /// Counts a call that was turned away.
    pub fn reject(&self) {
        self.rejected.add(1);
    }

    fn show(&self, state: State) {
        for each in State::ALL {
            let value = f64::from(u8::from(each == state));
            self.current
                .set(value, [(NAME, &*self.name), (STATE_KEY, each.as_str())]);
        }
    }
}
