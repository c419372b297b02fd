//! The parameters of a model with their paths.

use std::sync::{Arc, OnceLock};

use super::{Layer, Noise, Param, ParamId, Vars};

/// The parameters of a model with their paths, in a fixed order. A layer's [`Layer::params`] fills it.
#[derive(Default)]
pub struct ParamList<'a> {
    prefix: String,
    /// Whether the kinds of layers are wanted, which takes their descriptions.
    has_kinds: bool,
    /// The layers around what is listed now: where in the prefix the names of each begin, and its kind.
    layers: Vec<(usize, Arc<str>)>,
    list: Vec<Listed>,
    noises: Vec<(String, &'a Noise)>,
    /// Places of parameters of other layers, under the paths that they have here.
    ties: Vec<(String, &'a dyn Tie)>,
    /// Parameters that are not the model's, but belong to what it is.
    beside: Vec<(String, Param)>,
}

impl std::fmt::Debug for ParamList<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.list.iter().map(|listed| (&listed.path, &listed.param))).finish()
    }
}

/// A parameter, its path, and the layers along that path as [`ParamList`] has them.
#[derive(Debug)]
pub(crate) struct Listed {
    pub path: String,
    pub param: Param,
    layers: Vec<(usize, Arc<str>)>,
}

impl Listed {
    /// The steps of the path, each with the kind of the layer that gave the name.
    pub fn steps(&self) -> impl Iterator<Item = (&str, &str)> {
        let ends = self.layers.iter().skip(1).map(|(start, _)| start.saturating_sub(1)).chain([self.path.len()]);
        let steps = self.layers.iter().zip(ends).filter(|((start, _), end)| start < end);
        steps.map(|((start, kind), end)| (&**kind, &self.path[*start..end]))
    }

    /// The layers along the path, wrappers included, each with the name that it gave; empty for a wrapper's.
    #[cfg(feature = "keras")]
    pub fn kinds(&self) -> Vec<(&str, &str)> {
        let ends = self.layers.iter().skip(1).map(|(start, _)| start.saturating_sub(1)).chain([self.path.len()]);
        let kinds = self.layers.iter().zip(ends);
        kinds.map(|((start, kind), end)| (&**kind, self.path.get(*start..end).unwrap_or_default())).collect()
    }
}

/// A layer with a parameter that another one may have too.
pub(crate) trait Tie {
    /// Where the parameter is, once that is known.
    fn place(&self) -> &OnceLock<Param>;

    /// The parameter, of this layer alone if nothing else was said.
    fn param(&self) -> &Param;
}

impl<'a> ParamList<'a> {
    /// All parameters of a layer.
    pub(crate) fn of<X: Vars, Y: Vars>(layer: &'a (impl Layer<X, Y> + ?Sized)) -> Self {
        let mut list = Self::default();
        list.wrap(layer);
        list
    }

    /// All parameters of a layer, each with the layers along its path.
    pub(crate) fn with_layers<X: Vars, Y: Vars>(layer: &'a (impl Layer<X, Y> + ?Sized)) -> Vec<Listed> {
        let mut list = Self { has_kinds: true, ..Self::default() };
        list.wrap(layer);
        list.listed()
    }

    /// Adds a parameter under its name in the layer.
    pub fn add(&mut self, name: &str, param: &'a Param) {
        // A parameter that several layers share counts once, under its first path.
        if self.list.iter().all(|known| known.param.id() != param.id()) {
            self.list.push(Listed {
                path: format!("{}{name}", self.prefix),
                param: param.clone(),
                layers: self.layers.clone(),
            });
        }
    }

    /// Adds the switch of the layer's dropout or noise, which is frozen and unfrozen with the parameters.
    pub fn noise(&mut self, noise: &'a Noise) {
        self.noises.push((format!("{}noise", self.prefix), noise));
    }

    /// Adds the parameters of an inner layer, their paths prefixed with `name` and a dot.
    pub fn nest<X: Vars, Y: Vars>(&mut self, name: &str, layer: &'a (impl Layer<X, Y> + ?Sized)) {
        let outer = self.prefix.len();
        self.prefix += name;
        self.prefix.push('.');
        self.wrap(layer);
        self.prefix.truncate(outer);
    }

    /// Adds the parameters of the layer that this one is a wrapper of, under the paths that they have in it.
    pub fn wrap<X: Vars, Y: Vars>(&mut self, layer: &'a (impl Layer<X, Y> + ?Sized)) {
        if self.has_kinds {
            self.layers.push((self.prefix.len(), layer.config().kind().into()));
        }
        layer.params(self);
        if self.has_kinds {
            self.layers.pop();
        }
    }

    /// Paths and handles on the parameters; those of an adapter come after the one that it is attached to.
    pub fn into_vec(self) -> Vec<(String, Param)> {
        self.listed().into_iter().map(|listed| (listed.path, listed.param)).collect()
    }

    fn listed(self) -> Vec<Listed> {
        let mut all = Vec::with_capacity(self.list.len());
        for Listed { path, param, layers } in self.list {
            let adapter = param.adapter().filter(|adapter| !adapter.is_merged());
            let adapted = adapter.map(|adapter| {
                let names = [("lora_a", &adapter.a), ("lora_b", &adapter.b)];
                names.map(|(name, param)| Listed {
                    path: format!("{path}.{name}"),
                    param: param.clone(),
                    layers: layers.clone(),
                })
            });
            all.push(Listed { path, param, layers });
            all.extend(adapted.into_iter().flatten());
        }
        all
    }

    /// Paths and handles on the switches of noise.
    /// Adds the place of a parameter that another layer may have too. Until a description has filled it, it is not listed.
    pub(crate) fn tie(&mut self, name: &str, tie: &'a dyn Tie) {
        self.ties.push((format!("{}{name}", self.prefix), tie));
        if let Some(param) = tie.place().get() {
            self.add(name, param);
        }
    }

    /// Adds a layer that is not trained and whose parameters are not the model's, but are needed to make it again.
    pub(crate) fn beside<X: Vars, Y: Vars>(&mut self, name: &str, layer: &(impl Layer<X, Y> + ?Sized)) {
        for (path, param) in ParamList::of(layer).into_vec() {
            self.beside.push((format!("{}{name}.{path}", self.prefix), param));
        }
    }

    pub(crate) fn ties(&self) -> &[(String, &'a dyn Tie)] {
        &self.ties
    }

    /// The path of a parameter.
    pub(crate) fn path_of(&self, id: ParamId) -> Option<String> {
        self.list.iter().find(|listed| listed.param.id() == id).map(|listed| listed.path.clone())
    }

    pub(crate) fn param_at(&self, path: &str) -> Option<&Param> {
        self.list.iter().find(|listed| listed.path == path).map(|listed| &listed.param)
    }

    pub(crate) fn all_beside(&self) -> &[(String, Param)] {
        &self.beside
    }

    pub(crate) fn noises(&self) -> Vec<(String, Noise)> {
        self.noises.iter().map(|(path, noise)| (path.clone(), (*noise).clone())).collect()
    }
}
