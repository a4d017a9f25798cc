//! Calls to generative models: tokens, time, cost.

use std::{
    collections::HashMap,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{Counter, Definition, Error, Histogram, Registry};

const OPERATION: &str = "gen_ai.operation.name";
const PROVIDER: &str = "gen_ai.provider.name";
const REQUEST_MODEL: &str = "gen_ai.request.model";
const RESPONSE_MODEL: &str = "gen_ai.response.model";
const TOKEN_TYPE: &str = "gen_ai.token.type";
const ERROR_TYPE: &str = "error.type";

/// The boundaries that the conventions give for times of models, in seconds.
const SECONDS: &[f64] = &[
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/// The boundaries that the conventions give for tokens: powers of four.
const TOKENS: &[f64] = &[
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0,
    16777216.0, 67108864.0,
];

const DURATION: Definition<Histogram> = Histogram::define("gen_ai.client.operation.duration")
    .unit("s")
    .help("How long calls to models took (in development)")
    .labels(&[
        OPERATION,
        PROVIDER,
        REQUEST_MODEL,
        RESPONSE_MODEL,
        ERROR_TYPE,
    ])
    .buckets(SECONDS);
const USAGE: Definition<Histogram> = Histogram::define("gen_ai.client.token.usage")
    .unit("{token}")
    .help("Tokens in and out of one call (in development)")
    .labels(&[
        OPERATION,
        PROVIDER,
        REQUEST_MODEL,
        RESPONSE_MODEL,
        TOKEN_TYPE,
    ])
    .buckets(TOKENS);
const FIRST_CHUNK: Definition<Histogram> =
    Histogram::define("gen_ai.client.operation.time_to_first_chunk")
        .unit("s")
        .help("How long the first chunk of a streamed answer took (in development)")
        .labels(&[OPERATION, PROVIDER, REQUEST_MODEL, RESPONSE_MODEL])
        .buckets(SECONDS);
const PER_CHUNK: Definition<Histogram> =
    Histogram::define("gen_ai.client.operation.time_per_output_chunk")
        .unit("s")
        .help("How long each further chunk of a streamed answer took (in development)")
        .labels(&[OPERATION, PROVIDER, REQUEST_MODEL, RESPONSE_MODEL])
        .buckets(SECONDS);
const COST: Definition<Counter<f64>> = Counter::<f64>::define("gen_ai.client.operation.cost")
    .unit("{USD}")
    .help("What calls cost by the price table that was given")
    .labels(&[OPERATION, PROVIDER, REQUEST_MODEL, TOKEN_TYPE]);
const UNPRICED: Definition<Counter> = Counter::define("gen_ai.client.operation.unpriced")
    .unit("{call}")
    .help("Calls with tokens of a model that the price table does not have")
    .labels(&[PROVIDER, REQUEST_MODEL]);

/// Calls to generative models. Clones share their series.
///
/// The `gen_ai.*` conventions are in development: names and labels may change with them.
///
/// | metric | what it says |
/// |---|---|
/// | `gen_ai.client.operation.duration` | how long calls took, and by its count how many there were; `error.type` when they failed |
/// | `gen_ai.client.token.usage` | tokens of a call, by `gen_ai.token.type` (`input`, `output`) |
/// | `gen_ai.client.operation.time_to_first_chunk`, `…time_per_output_chunk` | how a streamed answer came |
/// | `gen_ai.client.operation.cost` | what it cost by your [`Prices`]; ours, not in the conventions |
/// | `gen_ai.client.operation.unpriced` | calls whose model has no price, so that the cost is known to be too low; ours |
///
/// ```
/// use spanwise::metrics::{GenAi, Registry, gen_ai::{Price, Prices}};
///
/// let registry = Registry::default();
/// let prices = Prices::default().model("small-1", Price { input: 0.5, output: 2.0 });
/// let gen_ai = GenAi::new(&registry, prices)?;
///
/// let mut call = gen_ai.call("chat", "acme", "small-1");
/// call.chunk();                   // the first one, of a streamed answer
/// call.tokens(1_000_000, 500_000);
/// drop(call);                     // or call.fail("timeout") before
///
/// let snapshot = registry.snapshot();
/// let cost = snapshot.family("gen_ai.client.operation.cost").unwrap();
/// assert_eq!(cost.series.iter().map(|series| series.value.as_f64()).sum::<f64>(), 1.5);
/// # Ok::<_, spanwise::metrics::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GenAi {
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Metrics {
    duration: Histogram,
    usage: Histogram,
    first_chunk: Histogram,
    per_chunk: Histogram,
    cost: Counter<f64>,
    unpriced: Counter,
    prices: Prices,
}

/// What a model costs, in US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// For a million tokens sent to the model.
    pub input: f64,
    /// For a million tokens that it answers.
    pub output: f64,
}

/// Prices by the name of the requested model. Defaults to none, and so to no cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prices(HashMap<String, Price>);

/// A call under way; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "dropping the call ends it"]
pub struct Call {
    metrics: Arc<Metrics>,
    operation: String,
    provider: String,
    request_model: String,
    response_model: String,
    error: String,
    begun: Instant,
    last_chunk: Option<Instant>,
    tokens: Option<(u64, u64)>,
}

impl Prices {
    /// Adds a model, or replaces its price.
    #[must_use]
    pub fn model(mut self, name: &str, price: Price) -> Self {
        self.0.insert(name.to_owned(), price);
        self
    }
}

impl GenAi {
    /// Registers the metrics.
    ///
    /// # Errors
    ///
    /// As [`Registry::register`].
    #[track_caller]
    pub fn new(registry: &Registry, prices: Prices) -> Result<Self, Error> {
        let metrics = Metrics {
            duration: registry.register(&DURATION)?,
            usage: registry.register(&USAGE)?,
            first_chunk: registry.register(&FIRST_CHUNK)?,
            per_chunk: registry.register(&PER_CHUNK)?,
            cost: registry.register(&COST)?,
            unpriced: registry.register(&UNPRICED)?,
            prices,
        };
        Ok(Self {
            metrics: Arc::new(metrics),
        })
    }

    /// Begins a call: operation such as `chat` or `embeddings`, provider such as `openai`, and the model asked for.
    pub fn call(&self, operation: &str, provider: &str, model: &str) -> Call {
        Call {
            metrics: Arc::clone(&self.metrics),
            operation: operation.to_owned(),
            provider: provider.to_owned(),
            request_model: model.to_owned(),
            response_model: String::new(),
            error: String::new(),
            begun: Instant::now(),
            last_chunk: None,
            tokens: None,
        }
    }
}

impl Call {
    /// Says which model answered, when the answer names one.
    pub fn response_model(&mut self, model: &str) {
        model.clone_into(&mut self.response_model);
    }

    /// Counts a chunk of a streamed answer.
    pub fn chunk(&mut self) {
        let now = Instant::now();
        match self.last_chunk.replace(now) {
            None => self.time(&self.metrics.first_chunk, now - self.begun),
            Some(last) => self.time(&self.metrics.per_chunk, now - last),
        }
    }

    /// Counts the tokens of the call; of several calls of this the sum.
    pub fn tokens(&mut self, input: u64, output: u64) {
        let (before_in, before_out) = self.tokens.unwrap_or((0, 0));
        self.tokens = Some((
            before_in.saturating_add(input),
            before_out.saturating_add(output),
        ));
    }

    /// Makes the outcome an error of this type, which should be one of few: it becomes a label.
    pub fn fail(&mut self, error_type: &str) {
        error_type.clone_into(&mut self.error);
    }

    fn time(&self, histogram: &Histogram, time: Duration) {
        histogram.record_duration(time, self.labels());
    }

    fn labels(&self) -> [(&str, &str); 4] {
        [
            (OPERATION, &self.operation),
            (PROVIDER, &self.provider),
            (REQUEST_MODEL, &self.request_model),
            (RESPONSE_MODEL, &self.response_model),
        ]
    }

    fn record_tokens(&self, (input, output): (u64, u64)) {
        let [operation, provider, request_model, response_model] = self.labels();
        let price = self.metrics.prices.0.get(&self.request_model);
        if price.is_none() && !self.metrics.prices.0.is_empty() {
            self.metrics.unpriced.add(1, [provider, request_model]);
        }
        let counted = [("input", input), ("output", output)];
        for (kind, tokens) in counted.into_iter().filter(|(_, tokens)| *tokens > 0) {
            let kind_label = (TOKEN_TYPE, kind);
            let labels = [
                operation,
                provider,
                request_model,
                response_model,
                kind_label,
            ];
            self.metrics.usage.record(tokens as f64, labels);
            if let Some(price) = price {
                let million = if kind == "input" {
                    price.input
                } else {
                    price.output
                };
                let cost = million * tokens as f64 / 1e6;
                self.metrics
                    .cost
                    .add(cost, [operation, provider, request_model, kind_label]);
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if thread::panicking() && self.error.is_empty() {
            self.fail("panic");
        }
        if let Some(tokens) = self.tokens {
            self.record_tokens(tokens);
        }
        let [operation, provider, request_model, response_model] = self.labels();
        let labels = [
            operation,
            provider,
            request_model,
            response_model,
            (ERROR_TYPE, &self.error),
        ];
        self.metrics
            .duration
            .record_duration(self.begun.elapsed(), labels);
    }
}
