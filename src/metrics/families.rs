//! The metrics of a registry by name, and the names that they have taken.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    definition::{Kind, Spec},
    error::{Error, Place, quoted},
    family::AnyFamily,
    name,
};

#[derive(Debug, Default)]
pub(super) struct Families {
    by_name: BTreeMap<Arc<str>, Arc<dyn AnyFamily>>,
    /// Names on a Prometheus page, and whose they are.
    claims: HashMap<String, (Arc<str>, Place)>,
}

impl Families {
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<dyn AnyFamily>> {
        self.by_name.values()
    }

    /// The metric of this name, which must have been defined like this.
    pub(super) fn defined(&self, spec: &Spec) -> Option<Result<Arc<dyn AnyFamily>, Error>> {
        let standing = self.by_name.get(&spec.name)?;
        let there = &standing.core().spec;
        Some(match spec.difference(there) {
            None => Ok(Arc::clone(standing)),
            Some(difference) => Err(Error::Conflict {
                name: spec.name.to_string(),
                difference,
                here: spec.place,
                there: there.place,
            }),
        })
    }

    /// Adds a metric whose name is not there yet.
    pub(super) fn add(&mut self, family: Arc<dyn AnyFamily>, max: usize) -> Result<(), Error> {
        let spec = &family.core().spec;
        if self.by_name.len() >= max {
            let name = spec.name.to_string();
            return Err(Error::TooManyMetrics {
                name,
                max,
                at: spec.place,
            });
        }
        let claims = name::prometheus_claims(&spec.name, &spec.unit, spec.kind);
        for claim in &claims {
            if let Some((other, there)) = self.claims.get(claim) {
                return Err(Error::Collision {
                    name: spec.name.to_string(),
                    other: other.to_string(),
                    prometheus: claim.clone(),
                    here: spec.place,
                    there,
                });
            }
        }
        let owner = (Arc::clone(&spec.name), spec.place);
        self.claims
            .extend(claims.into_iter().map(|claim| (claim, owner.clone())));
        self.by_name.insert(Arc::clone(&spec.name), family);
        Ok(())
    }

    /// Whether a metric kept elsewhere can have this name beside the ones that are here.
    pub(super) fn is_free(&self, name: &str, unit: &str, kind: Kind) -> bool {
        let claims = name::prometheus_claims(name, unit, kind);
        !claims.iter().any(|claim| self.claims.contains_key(claim))
    }

    /// The metric of this name, with or without `prefix`.
    pub(super) fn find(&self, name: &str, prefix: &str) -> Result<Arc<dyn AnyFamily>, Error> {
        let prefixed = || self.by_name.get(format!("{prefix}{name}").as_str());
        let found = self.by_name.get(name).or_else(prefixed);
        found.cloned().ok_or_else(|| Error::Unknown {
            name: quoted(name),
            nearest: name::nearest(name, self.by_name.keys().map(|known| &**known))
                .map(str::to_owned),
        })
    }
}
