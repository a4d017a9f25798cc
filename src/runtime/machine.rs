//! The machine: processors, memory, disks and network, from `/proc`.

use procfs::{Current, CurrentSI, DiskStat, KernelStats, Meminfo, Uptime, net::DeviceStatus};

use super::Runtime;
use crate::metrics::{Counter, Definition, Error, Gauge, Observer, UpDownCounter};

const MODE: &str = "cpu.mode";
const MEMORY_STATE: &str = "system.memory.state";
const PAGING_STATE: &str = "system.paging.state";
const DEVICE: &str = "system.device";
const DISK_DIRECTION: &str = "disk.io.direction";
const INTERFACE: &str = "network.interface.name";
const NETWORK_DIRECTION: &str = "network.io.direction";

/// The unit of `/proc/diskstats`, whatever the disk uses itself.
const SECTOR: u64 = 512;

const CPU_TIME: Definition<Counter<f64>> = Counter::<f64>::define("system.cpu.time")
    .unit("s")
    .help("Time of all processors, by mode")
    .labels(&[MODE]);
const CPU_COUNT: Definition<UpDownCounter> = UpDownCounter::define("system.cpu.logical.count")
    .unit("{cpu}")
    .help("Logical processors");
const UPTIME: Definition<Gauge> = Gauge::define("system.uptime")
    .unit("s")
    .help("How long the machine runs");

const MEMORY_USAGE: Definition<UpDownCounter> = UpDownCounter::define("system.memory.usage")
    .unit("By")
    .help("Memory, by state; the states add up to the limit")
    .labels(&[MEMORY_STATE]);
const MEMORY_LIMIT: Definition<UpDownCounter> = UpDownCounter::define("system.memory.limit")
    .unit("By")
    .help("All memory");
const MEMORY_AVAILABLE: Definition<UpDownCounter> =
    UpDownCounter::define("system.memory.linux.available")
        .unit("By")
        .help("Memory that can be had without swapping");
const PAGING_USAGE: Definition<UpDownCounter> = UpDownCounter::define("system.paging.usage")
    .unit("By")
    .help("Swap space, by state")
    .labels(&[PAGING_STATE]);

const DISK_IO: Definition<Counter> = Counter::define("system.disk.io")
    .unit("By")
    .help("Bytes read and written")
    .labels(&[DEVICE, DISK_DIRECTION]);
const DISK_OPERATIONS: Definition<Counter> = Counter::define("system.disk.operations")
    .unit("{operation}")
    .help("Reads and writes")
    .labels(&[DEVICE, DISK_DIRECTION]);
const DISK_TIME: Definition<Counter<f64>> = Counter::<f64>::define("system.disk.operation_time")
    .unit("s")
    .help("Time of all reads and writes together")
    .labels(&[DEVICE, DISK_DIRECTION]);
const DISK_BUSY: Definition<Counter<f64>> = Counter::<f64>::define("system.disk.io_time")
    .unit("s")
    .help("Time in which the disk had something to do")
    .labels(&[DEVICE]);
const DISK_MERGED: Definition<Counter> = Counter::define("system.disk.merged")
    .unit("{operation}")
    .help("Reads and writes merged with another")
    .labels(&[DEVICE, DISK_DIRECTION]);

const NETWORK_IO: Definition<Counter> = Counter::define("system.network.io")
    .unit("By")
    .help("Bytes received and sent")
    .labels(&[INTERFACE, NETWORK_DIRECTION]);
const NETWORK_PACKETS: Definition<Counter> = Counter::define("system.network.packet.count")
    .unit("{packet}")
    .help("Packets received and sent")
    .labels(&[DEVICE, NETWORK_DIRECTION]);
const NETWORK_DROPPED: Definition<Counter> = Counter::define("system.network.packet.dropped")
    .unit("{packet}")
    .help("Packets dropped")
    .labels(&[INTERFACE, NETWORK_DIRECTION]);
const NETWORK_ERRORS: Definition<Counter> = Counter::define("system.network.errors")
    .unit("{error}")
    .help("Errors while receiving and sending")
    .labels(&[INTERFACE, NETWORK_DIRECTION]);

pub(super) fn observe_cpu(runtime: &mut Runtime) -> Result<(), Error> {
    runtime.add(&CPU_TIME, |observer| {
        let Ok(KernelStats { total, .. }) = KernelStats::current() else {
            return;
        };
        let modes = [
            ("user", Some(total.user_ms())),
            ("nice", Some(total.nice_ms())),
            ("system", Some(total.system_ms())),
            ("idle", Some(total.idle_ms())),
            ("iowait", total.iowait_ms()),
            (
                "interrupt",
                total
                    .irq_ms()
                    .zip(total.softirq_ms())
                    .map(|(hard, soft)| hard + soft),
            ),
            ("steal", total.steal_ms()),
        ];
        for (mode, ms) in modes {
            if let Some(ms) = ms {
                observer.observe(ms as f64 / 1e3, [(MODE, mode)]);
            }
        }
    })?;
    runtime.add(&CPU_COUNT, |observer| {
        if let Ok(stats) = KernelStats::current() {
            observer.observe(stats.cpu_time.len() as f64, []);
        }
    })?;
    runtime.add(&UPTIME, |observer| {
        if let Ok(uptime) = Uptime::current() {
            observer.observe(uptime.uptime, []);
        }
    })
}

pub(super) fn observe_memory(runtime: &mut Runtime) -> Result<(), Error> {
    runtime.add(&MEMORY_USAGE, |observer| {
        let Ok(memory) = Meminfo::current() else {
            return;
        };
        let elsewhere = memory.mem_free + memory.buffers + memory.cached;
        let states = [
            ("used", memory.mem_total.saturating_sub(elsewhere)),
            ("free", memory.mem_free),
            ("buffers", memory.buffers),
            ("cached", memory.cached),
        ];
        for (state, bytes) in states {
            observer.observe(bytes as f64, [(MEMORY_STATE, state)]);
        }
    })?;
    runtime.add(&MEMORY_LIMIT, |observer| {
        if let Ok(memory) = Meminfo::current() {
            observer.observe(memory.mem_total as f64, []);
        }
    })?;
    runtime.add(&MEMORY_AVAILABLE, |observer| {
        if let Some(bytes) = Meminfo::current()
            .ok()
            .and_then(|memory| memory.mem_available)
        {
            observer.observe(bytes as f64, []);
        }
    })?;
    runtime.add(&PAGING_USAGE, |observer| {
        if let Ok(memory) = Meminfo::current() {
            let used = memory.swap_total.saturating_sub(memory.swap_free);
            observer.observe(used as f64, [(PAGING_STATE, "used")]);
            observer.observe(memory.swap_free as f64, [(PAGING_STATE, "free")]);
        }
    })
}

pub(super) fn observe_disk(runtime: &mut Runtime) -> Result<(), Error> {
    runtime.add(&DISK_IO, |observer| {
        by_disk(observer, |disk| {
            (disk.sectors_read * SECTOR, disk.sectors_written * SECTOR)
        });
    })?;
    runtime.add(&DISK_OPERATIONS, |observer| {
        by_disk(observer, |disk| (disk.reads, disk.writes))
    })?;
    runtime.add(&DISK_MERGED, |observer| {
        by_disk(observer, |disk| (disk.merged, disk.writes_merged))
    })?;
    runtime.add(&DISK_TIME, |observer| {
        for disk in disks() {
            let device = (DEVICE, &*disk.name);
            observer.observe(
                disk.time_reading as f64 / 1e3,
                [device, (DISK_DIRECTION, "read")],
            );
            observer.observe(
                disk.time_writing as f64 / 1e3,
                [device, (DISK_DIRECTION, "write")],
            );
        }
    })?;
    runtime.add(&DISK_BUSY, |observer| {
        for disk in disks() {
            observer.observe(disk.time_in_progress as f64 / 1e3, [(DEVICE, &*disk.name)]);
        }
    })
}

pub(super) fn observe_network(runtime: &mut Runtime) -> Result<(), Error> {
    runtime.add(&NETWORK_IO, |observer| {
        by_interface(observer, INTERFACE, |device| {
            (device.recv_bytes, device.sent_bytes)
        });
    })?;
    runtime.add(&NETWORK_PACKETS, |observer| {
        by_interface(observer, DEVICE, |device| {
            (device.recv_packets, device.sent_packets)
        });
    })?;
    runtime.add(&NETWORK_DROPPED, |observer| {
        by_interface(observer, INTERFACE, |device| {
            (device.recv_drop, device.sent_drop)
        });
    })?;
    runtime.add(&NETWORK_ERRORS, |observer| {
        by_interface(observer, INTERFACE, |device| {
            (device.recv_errs, device.sent_errs)
        });
    })
}

/// The disks that were ever used: a machine lists dozens of empty loop devices.
fn disks() -> impl Iterator<Item = DiskStat> {
    let disks = procfs::diskstats().unwrap_or_default();
    disks
        .into_iter()
        .filter(|disk| disk.reads + disk.writes > 0)
}

fn by_disk(observer: &mut Observer<'_>, read_write: impl Fn(&DiskStat) -> (u64, u64)) {
    for disk in disks() {
        let (read, write) = read_write(&disk);
        let device = (DEVICE, &*disk.name);
        observer.observe(read as f64, [device, (DISK_DIRECTION, "read")]);
        observer.observe(write as f64, [device, (DISK_DIRECTION, "write")]);
    }
}

fn by_interface(
    observer: &mut Observer<'_>,
    key: &str,
    both: impl Fn(&DeviceStatus) -> (u64, u64),
) {
    for device in procfs::net::dev_status().unwrap_or_default().values() {
        let (received, sent) = both(device);
        let name = (key, &*device.name);
        observer.observe(received as f64, [name, (NETWORK_DIRECTION, "receive")]);
        observer.observe(sent as f64, [name, (NETWORK_DIRECTION, "transmit")]);
    }
}
