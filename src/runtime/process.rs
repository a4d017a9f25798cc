//! This process, from `/proc/self`.

use std::time::{SystemTime, UNIX_EPOCH};

use procfs::{
    CurrentSI, KernelStats, ProcResult,
    process::{Process, Stat},
};

use super::Runtime;
use crate::metrics::{Counter, Definition, Error, Gauge, UpDownCounter};

const MODE: &str = "cpu.mode";
const DIRECTION: &str = "disk.io.direction";
const SWITCH: &str = "process.context_switch.type";
const FAULT: &str = "system.paging.fault.type";

const CPU: Definition<Counter<f64>> = Counter::<f64>::define("process.cpu.time")
    .unit("s")
    .help("Processor time, by mode")
    .labels(&[MODE]);
const USAGE: Definition<UpDownCounter> = UpDownCounter::define("process.memory.usage")
    .unit("By")
    .help("Physical memory in use");
const VIRTUAL: Definition<UpDownCounter> = UpDownCounter::define("process.memory.virtual")
    .unit("By")
    .help("Virtual memory");
const DISK: Definition<Counter> = Counter::define("process.disk.io")
    .unit("By")
    .help("Bytes read from and written to disks")
    .labels(&[DIRECTION]);
const THREADS: Definition<UpDownCounter> = UpDownCounter::define("process.thread.count")
    .unit("{thread}")
    .help("Threads");
const FILES: Definition<UpDownCounter> =
    UpDownCounter::define("process.unix.file_descriptor.count")
        .unit("{file_descriptor}")
        .help("Open file descriptors");
const SWITCHES: Definition<Counter> = Counter::define("process.context_switches")
    .unit("{context_switch}")
    .help("How often the main thread left its processor")
    .labels(&[SWITCH]);
const FAULTS: Definition<Counter> = Counter::define("process.paging.faults")
    .unit("{fault}")
    .help("Page faults")
    .labels(&[FAULT]);
const UPTIME: Definition<Gauge> = Gauge::define("process.uptime")
    .unit("s")
    .help("How long the process runs");

/// A value that cannot be read is left out: a container may hide `/proc/self/io`, for one.
pub(super) fn observe(runtime: &mut Runtime) -> Result<(), Error> {
    let ticks = procfs::ticks_per_second() as f64;
    runtime.add(&CPU, move |observer| {
        if let Ok(stat) = stat() {
            observer.observe(stat.utime as f64 / ticks, [(MODE, "user")]);
            observer.observe(stat.stime as f64 / ticks, [(MODE, "system")]);
        }
    })?;
    let page = procfs::page_size() as f64;
    runtime.add(&USAGE, move |observer| {
        if let Ok(stat) = stat() {
            observer.observe(stat.rss as f64 * page, []);
        }
    })?;
    runtime.add(&VIRTUAL, |observer| {
        if let Ok(stat) = stat() {
            observer.observe(stat.vsize as f64, []);
        }
    })?;
    runtime.add(&THREADS, |observer| {
        if let Ok(stat) = stat() {
            observer.observe(stat.num_threads as f64, []);
        }
    })?;
    runtime.add(&FAULTS, |observer| {
        if let Ok(stat) = stat() {
            observer.observe(stat.majflt as f64, [(FAULT, "major")]);
            observer.observe(stat.minflt as f64, [(FAULT, "minor")]);
        }
    })?;
    runtime.add(&DISK, |observer| {
        if let Ok(io) = Process::myself().and_then(|process| process.io()) {
            observer.observe(io.read_bytes as f64, [(DIRECTION, "read")]);
            observer.observe(io.write_bytes as f64, [(DIRECTION, "write")]);
        }
    })?;
    runtime.add(&FILES, |observer| {
        if let Ok(count) = Process::myself().and_then(|process| process.fd_count()) {
            observer.observe(count as f64, []);
        }
    })?;
    runtime.add(&SWITCHES, |observer| {
        if let Ok(status) = Process::myself().and_then(|process| process.status()) {
            let kinds = [
                ("voluntary", status.voluntary_ctxt_switches),
                ("involuntary", status.nonvoluntary_ctxt_switches),
            ];
            for (kind, count) in kinds
                .into_iter()
                .filter_map(|(kind, count)| Some((kind, count?)))
            {
                observer.observe(count as f64, [(SWITCH, kind)]);
            }
        }
    })?;
    runtime.add(&UPTIME, move |observer| {
        if let Ok(uptime) = uptime(ticks) {
            observer.observe(uptime, []);
        }
    })
}

fn stat() -> ProcResult<Stat> {
    Process::myself()?.stat()
}

fn uptime(ticks: f64) -> ProcResult<f64> {
    let booted = KernelStats::current()?.btime as f64;
    let started = booted + stat()?.starttime as f64 / ticks;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    Ok((now - started).max(0.0))
}
