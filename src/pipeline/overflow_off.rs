//! The twin of `overflow.rs` in a build without the feature `spool`: nothing ever goes to disk.

use std::marker::PhantomData;

use tokio::time::Instant;

use super::pending::Pending;
use super::queue::{Command, Inner};
use super::worker::Export;
#[cfg(feature = "otlp-http")]
use crate::config;

/// A place on disk, of which there is none.
#[derive(Debug, Clone)]
pub(crate) enum Place {}

impl Place {
    #[cfg(feature = "otlp-http")]
    pub(crate) fn new(_: &config::Spool, _: String) -> Option<Self> {
        None
    }
}

pub(super) struct Overflow<T, R>(PhantomData<fn(T) -> R>);

impl<T, R> Overflow<T, R> {
    pub(super) fn new<E: Export<T, Request = R>>(_: Option<Place>, _: &E) -> Self {
        Self(PhantomData)
    }

    pub(super) fn is_on(&self) -> bool {
        false
    }

    pub(super) async fn open(&mut self, _: &Inner<T>) {}

    pub(super) fn is_waiting(&self) -> bool {
        false
    }

    pub(super) fn is_due(&self, _: &Inner<T>) -> bool {
        false
    }

    pub(super) fn wait(&self, _: &Inner<T>, _: Instant) -> std::future::Pending<()> {
        std::future::pending()
    }

    pub(super) async fn write(&mut self, _: &Inner<T>, pending: Pending<R>) -> Option<Pending<R>> {
        Some(pending)
    }

    pub(super) async fn write_queue(&mut self, _: &Inner<T>, _: bool) {}

    pub(super) fn bytes(&self, _: &R) -> Option<bytes::Bytes> {
        None
    }

    pub(super) async fn write_behind(
        &mut self,
        _: &Inner<T>,
        _: Option<bytes::Bytes>,
        _: u64,
    ) -> bool {
        false
    }

    pub(super) async fn next(&mut self, _: &Inner<T>) -> Option<Pending<R>> {
        None
    }

    pub(super) fn put_back(&mut self) {}

    pub(super) async fn remove(&mut self, _: &Inner<T>) {}

    pub(super) fn take_stuck(&mut self) -> u64 {
        0
    }

    pub(super) async fn close(&mut self, _: &Inner<T>) {}

    pub(super) fn heard(&self, command: Command) -> Command {
        command
    }
}
