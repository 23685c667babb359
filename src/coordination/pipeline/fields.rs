//! Inputs and outputs by name.

use std::any::{Any, TypeId, type_name};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::Stage;
use crate::actor::{BoxFuture, Fault, InvalidSpec, Serve, Served, WorkerRef};

/// Values by name, on their way through a pipeline whose stages take and give by
/// name. Cloning it clones no value.
#[derive(Clone, Default)]
pub struct Fields {
    values: BTreeMap<Arc<str>, Field>,
}

#[derive(Clone)]
struct Field {
    value: Arc<dyn Any + Send + Sync>,
    kind: &'static str,
}

impl Fields {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this value; one of the same name is replaced.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(mut self, name: impl Into<Arc<str>>, value: T) -> Self {
        let field = Field {
            value: Arc::new(value),
            kind: type_name::<T>(),
        };
        self.values.insert(name.into(), field);
        self
    }

    /// The value of this name.
    ///
    /// # Errors
    ///
    /// A permanent fault that names what there is: there is none, or one of another
    /// type.
    pub fn get<T: 'static>(&self, name: &str) -> Result<&T, Fault> {
        let Some(field) = self.values.get(name) else {
            let names: Vec<_> = self.names().collect();
            let words = format!("there is no {name:?}, only {names:?}");
            return Err(Fault::permanent(words));
        };
        field.value.downcast_ref().ok_or_else(|| {
            let (is, wanted) = (field.kind, type_name::<T>());
            Fault::permanent(format!("{name:?} is a {is}, not a {wanted}"))
        })
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(|name| &**name)
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.values.iter().map(|(name, field)| (name, field.kind));
        f.debug_map().entries(kinds).finish()
    }
}

/// A name, and what is known of its type.
#[derive(Clone)]
struct Port {
    name: Arc<str>,
    kind: Option<Kind>,
}

#[derive(Clone, Copy)]
struct Kind {
    id: TypeId,
    name: &'static str,
}

impl Kind {
    fn of<T: 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
        }
    }
}

/// What a stage takes and gives by name.
#[derive(Clone)]
pub(super) struct Wiring {
    takes: Vec<Port>,
    gives: Port,
}

impl Stage<Fields, Fields> {
    /// A stage that takes one value by its name, and gives one by its name.
    /// [`Pipeline::start`](super::Pipeline::start) refuses a name that nobody gives
    /// before, and one of another type. Costs one clone of the value.
    pub fn named<A, B>(
        name: impl Into<Arc<str>>,
        worker: impl Into<WorkerRef<A, B>>,
        takes: impl Into<Arc<str>>,
        gives: impl Into<Arc<str>>,
    ) -> Self
    where
        A: Clone + Send + Sync + 'static,
        B: Send + Sync + 'static,
    {
        let (takes, gives) = (takes.into(), gives.into());
        let wiring = Wiring {
            takes: vec![Port {
                name: Arc::clone(&takes),
                kind: Some(Kind::of::<A>()),
            }],
            gives: Port {
                name: Arc::clone(&gives),
                kind: Some(Kind::of::<B>()),
            },
        };
        let wired = Wired {
            worker: worker.into(),
            input: move |fields: &Fields| fields.get::<A>(&takes).cloned(),
            gives,
        };
        Self::wired(name, wired, wiring)
    }

    /// A stage that takes several values by their names, and gives one by its name.
    /// Its worker reads them with [`Fields::get`].
    pub fn gathering<B: Send + Sync + 'static>(
        name: impl Into<Arc<str>>,
        worker: impl Into<WorkerRef<Fields, B>>,
        takes: impl IntoIterator<Item = impl Into<Arc<str>>>,
        gives: impl Into<Arc<str>>,
    ) -> Self {
        let gives = gives.into();
        let takes = takes.into_iter().map(|name| Port {
            name: name.into(),
            kind: None,
        });
        let wiring = Wiring {
            takes: takes.collect(),
            gives: Port {
                name: Arc::clone(&gives),
                kind: Some(Kind::of::<B>()),
            },
        };
        let wired = Wired {
            worker: worker.into(),
            input: |fields: &Fields| Ok(fields.clone()),
            gives,
        };
        Self::wired(name, wired, wiring)
    }

    fn wired(
        name: impl Into<Arc<str>>,
        wired: impl Serve<Fields, Fields> + 'static,
        wiring: Wiring,
    ) -> Self {
        let mut stage = Self::new(name, WorkerRef::new(wired));
        stage.wiring = Some(wiring);
        stage
    }
}

/// A worker between two names.
struct Wired<A, B, F> {
    worker: WorkerRef<A, B>,
    input: F,
    gives: Arc<str>,
}

impl<A, B, F> Serve<Fields, Fields> for Wired<A, B, F>
where
    A: Send + 'static,
    B: Send + Sync + 'static,
    F: Fn(&Fields) -> Result<A, Fault> + Send + Sync,
{
    fn serve(&self, fields: Fields) -> BoxFuture<'_, Result<Served<Fields>, Fault>> {
        Box::pin(async move {
            let input = (self.input)(&fields)?;
            let served = self.worker.ask(input).await?;
            Ok(served.map(|value| fields.with(Arc::clone(&self.gives), value)))
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}

/// The names that there are before each stage of a pipeline.
#[derive(Default)]
pub(super) struct Names {
    known: BTreeMap<Arc<str>, Option<Kind>>,
    /// A stage without names may give any.
    is_open: bool,
}

impl Names {
    pub(super) fn given<T: 'static>(&mut self, name: Arc<str>) {
        self.known.insert(name, Some(Kind::of::<T>()));
    }

    /// Goes past a stage: what it takes must be there, what it gives is.
    pub(super) fn pass(&mut self, stage: &str, wiring: Option<&Wiring>) -> Result<(), InvalidSpec> {
        let Some(wiring) = wiring else {
            self.is_open = true;
            return Ok(());
        };
        for port in &wiring.takes {
            self.check(stage, port)?;
        }
        let gives = wiring.gives.clone();
        self.known.insert(gives.name, gives.kind);
        Ok(())
    }

    fn check(&self, stage: &str, port: &Port) -> Result<(), InvalidSpec> {
        let name = &port.name;
        match (self.known.get(name), port.kind) {
            (None, _) if self.is_open => Ok(()),
            (None, _) => {
                let known: Vec<_> = self.known.keys().collect();
                Err(InvalidSpec::Wiring(format!(
                    "stage {stage:?} takes {name:?}, which nobody gives before it, only {known:?}"
                )))
            }
            (Some(Some(is)), Some(wanted)) if is.id != wanted.id => {
                let (is, wanted) = (is.name, wanted.name);
                Err(InvalidSpec::Wiring(format!(
                    "stage {stage:?} takes {name:?} as {wanted}, but it is {is}"
                )))
            }
            _ => Ok(()),
        }
    }
}
