//! What the process, the machine and the tokio runtime are doing, as metrics.
//!
//! Each group has a switch in [`Options`]. Names, units and labels are those of the semantic conventions (`process.*` is a release candidate,
//! `system.*` in development); the conventions have no names for tokio, so those are ours. Everything is read when somebody looks, by
//! callbacks, and costs nothing in between.
//!
//! ```
//! use spanwise::{metrics::Registry, runtime::{self, Options}};
//!
//! let registry = Registry::default();
//! let _runtime = runtime::observe(&registry, Options { cpu: true, ..Options::default() })?;
//! # #[cfg(target_os = "linux")]
//! assert!(registry.snapshot().get("process.memory.usage", []).unwrap().as_f64() > 0.0);
//! # Ok::<_, spanwise::metrics::Error>(())
//! ```
//!
//! | group | metrics |
//! |---|---|
//! | `process` | `process.cpu.time`, `.memory.usage`, `.memory.virtual`, `.disk.io`, `.thread.count`, `.unix.file_descriptor.count`, `.context_switches`, `.paging.faults`, `.uptime` |
//! | `cpu` | `system.cpu.time`, `.cpu.logical.count`, `system.uptime` |
//! | `memory` | `system.memory.usage`, `.memory.limit`, `.memory.linux.available`, `system.paging.usage` |
//! | `disk` | `system.disk.io`, `.disk.operations`, `.disk.operation_time`, `.disk.io_time`, `.disk.merged` |
//! | `network` | `system.network.io`, `.network.packet.count`, `.network.packet.dropped`, `.network.errors` |
//! | `tokio` | `tokio.workers`, `tokio.tasks.alive`, `tokio.global_queue.depth`, `tokio.worker.busy.time`, `tokio.worker.parks` |
//! | `build` | `build.info`, always 1 |
//!
//! The first five are read from `/proc` and exist on Linux only; elsewhere [`Runtime::unavailable`] names those that were asked for. In a container
//! `system.*` is what the kernel shows to it, which mostly is the whole machine.

mod build;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod process;
mod tokio;

use crate::metrics::{Callback, Definition, Error, Observable, Observer, Registry};

pub use self::build::Build;

/// What is observed.
#[derive(Debug, Clone)]
pub struct Options {
    /// This process. Defaults to `true`.
    pub process: bool,
    /// The processors of the machine. Defaults to `false`.
    pub cpu: bool,
    /// The memory of the machine. Defaults to `false`.
    pub memory: bool,
    /// The disks of the machine. Defaults to `false`.
    pub disk: bool,
    /// The network interfaces of the machine. Defaults to `false`.
    pub network: bool,
    /// A tokio runtime. Defaults to none.
    pub tokio: Option<::tokio::runtime::Handle>,
    /// Which build of the application this is. Defaults to none.
    pub build: Option<Build>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            process: true,
            cpu: false,
            memory: false,
            disk: false,
            network: false,
            tokio: None,
            build: None,
        }
    }
}

/// Observes until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the observation"]
pub struct Runtime {
    registry: Registry,
    callbacks: Vec<Callback>,
    unavailable: Vec<&'static str>,
}

/// Registers what the options ask for.
///
/// # Errors
///
/// As [`Registry::register`], when the application has a metric of such a name itself.
pub fn observe(registry: &Registry, options: Options) -> Result<Runtime, Error> {
    let mut runtime = Runtime {
        registry: registry.clone(),
        callbacks: Vec::new(),
        unavailable: Vec::new(),
    };
    runtime.observe_proc(&options)?;
    if let Some(handle) = options.tokio {
        tokio::observe(&mut runtime, &handle)?;
    }
    if let Some(build) = options.build {
        build::observe(&mut runtime, build)?;
    }
    Ok(runtime)
}

impl Runtime {
    /// The groups that were asked for and cannot be had on this system.
    pub fn unavailable(&self) -> &[&'static str] {
        &self.unavailable
    }

    #[cfg(target_os = "linux")]
    fn observe_proc(&mut self, options: &Options) -> Result<(), Error> {
        if options.process {
            process::observe(self)?;
        }
        if options.cpu {
            machine::observe_cpu(self)?;
        }
        if options.memory {
            machine::observe_memory(self)?;
        }
        if options.disk {
            machine::observe_disk(self)?;
        }
        if options.network {
            machine::observe_network(self)?;
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn observe_proc(&mut self, options: &Options) -> Result<(), Error> {
        let groups = [
            (options.process, "process"),
            (options.cpu, "cpu"),
            (options.memory, "memory"),
            (options.disk, "disk"),
            (options.network, "network"),
        ];
        let asked = groups.into_iter().filter(|(asked, _)| *asked);
        self.unavailable = asked.map(|(_, group)| group).collect();
        Ok(())
    }

    fn add<H: Observable>(
        &mut self,
        definition: &Definition<H>,
        function: impl FnMut(&mut Observer<'_>) + Send + 'static,
    ) -> Result<(), Error> {
        self.callbacks
            .push(self.registry.observe(definition, function)?);
        Ok(())
    }
}
