//! A tokio runtime: what its stable metrics tell.

use tokio::runtime::Handle;

use super::Runtime;
#[cfg(target_has_atomic = "64")]
use crate::metrics::Counter;
use crate::metrics::{Definition, Error, Gauge, UpDownCounter};

const WORKERS: Definition<UpDownCounter> = UpDownCounter::define("tokio.workers")
    .unit("{thread}")
    .help("Worker threads of the runtime");
const TASKS: Definition<UpDownCounter> = UpDownCounter::define("tokio.tasks.alive")
    .unit("{task}")
    .help("Tasks that are not finished");
const QUEUE: Definition<Gauge> = Gauge::define("tokio.global_queue.depth")
    .unit("{task}")
    .help("Tasks that wait for any worker");
#[cfg(target_has_atomic = "64")]
const BUSY: Definition<Counter<f64>> = Counter::<f64>::define("tokio.worker.busy.time")
    .unit("s")
    .help("How long workers were busy")
    .labels(&["tokio.worker"]);
#[cfg(target_has_atomic = "64")]
const PARKS: Definition<Counter> = Counter::define("tokio.worker.parks")
    .unit("{park}")
    .help("How often workers had nothing to do")
    .labels(&["tokio.worker"]);

pub(super) fn observe(runtime: &mut Runtime, handle: &Handle) -> Result<(), Error> {
    // `RuntimeMetrics` keeps a runtime's memory, and never the runtime itself, alive.
    let metrics = handle.metrics();
    let (workers, tasks, queue) = (metrics.clone(), metrics.clone(), metrics.clone());
    runtime.add(&WORKERS, move |observer| {
        observer.observe(workers.num_workers() as f64, [])
    })?;
    runtime.add(&TASKS, move |observer| {
        observer.observe(tasks.num_alive_tasks() as f64, [])
    })?;
    runtime.add(&QUEUE, move |observer| {
        observer.observe(queue.global_queue_depth() as f64, [])
    })?;
    #[cfg(target_has_atomic = "64")]
    observe_workers(runtime, metrics)?;
    Ok(())
}

/// Apart, because tokio has these only where there are 64-bit atomics.
#[cfg(target_has_atomic = "64")]
fn observe_workers(
    runtime: &mut Runtime,
    metrics: tokio::runtime::RuntimeMetrics,
) -> Result<(), Error> {
    let parks = metrics.clone();
    runtime.add(&BUSY, move |observer| {
        for worker in 0..metrics.num_workers() {
            let busy = metrics.worker_total_busy_duration(worker).as_secs_f64();
            observer.observe(busy, [("tokio.worker", &*worker.to_string())]);
        }
    })?;
    runtime.add(&PARKS, move |observer| {
        for worker in 0..parks.num_workers() {
            observer.observe(
                parks.worker_park_count(worker) as f64,
                [("tokio.worker", &*worker.to_string())],
            );
        }
    })
}
