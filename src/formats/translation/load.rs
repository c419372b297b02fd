//! From a file into a model.

use std::collections::HashSet;

use super::hints::hint;
use super::names::Names;
use super::{Group, Report, Translation, matches};
use crate::autograd::{Listed, Param};
use crate::error::{Error, Result};
use crate::formats::Weights;
use crate::kernels::parallel;
use crate::tensor::Tensor;

pub(super) fn load(translation: &Translation, listed: &[Listed], weights: &Weights) -> Result<Report> {
    let names = Names::new(translation, listed, weights)?;
    let mut loading = Loading {
        translation,
        listed,
        names: &names,
        weights,
        report: Report::default(),
        problems: Vec::new(),
        missing: Vec::new(),
        unused: weights.names().collect(),
        values: Vec::new(),
    };
    let read = |group: &Group| -> Result<_, String> {
        let needed = group.layout.needed(&group.names).iter().filter_map(|name| names.found(name));
        let stored = needed.map(|name| decode(translation, weights, name)).collect::<Result<Vec<_>, _>>()?;
        let params: Vec<&Param> = group.params.iter().map(|i| &listed[*i].param).collect();
        let shapes: Vec<_> = stored.iter().map(|value| value.shape().to_vec()).collect();
        Ok((shapes, group.layout.read(&stored, &params)))
    };
    // Most of the time goes into memory that is new, which threads get side by side.
    let values_of_groups = parallel::map_chunks(names.plan.len(), 1, |part| read(&names.plan[part.start]));
    for (group, stored) in names.plan.iter().zip(values_of_groups) {
        loading.take(group, stored);
    }
    loading.compare_twins();
    loading.finish()
}

/// What was read of a group: the shapes of the file's tensors, and the parameters' values.
type Read = Result<(Vec<Vec<usize>>, Option<Vec<Tensor>>), String>;

struct Loading<'l, 'w> {
    translation: &'l Translation,
    listed: &'l [Listed],
    names: &'l Names<'w>,
    weights: &'w Weights,
    report: Report,
    problems: Vec<String>,
    /// The names that the file would have for what is missing.
    missing: Vec<String>,
    unused: HashSet<&'w str>,
    values: Vec<(&'l Param, Tensor)>,
}

impl<'l> Loading<'l, '_> {
    /// Takes the parameters of a group, or notes why they are left.
    fn take(&mut self, group: &Group, stored: Read) {
        for name in &group.names {
            if let Some(name) = self.names.found(name) {
                self.unused.remove(name);
            }
        }
        let needed = group.layout.needed(&group.names);
        if let Some(absent) = needed.iter().find(|name| self.names.found(name).is_none()) {
            return self.miss(group, absent);
        }
        let (shapes, read) = match stored {
            Ok(stored) => stored,
            Err(reason) => return self.problems.push(format!("unreadable: {reason}")),
        };
        let listed: &'l [Listed] = self.listed;
        let params = group.params.iter().map(|i| &listed[*i]);
        let fits = |values: &Vec<Tensor>| {
            values.iter().zip(params.clone()).all(|(value, listed)| listed.param.fits(value.shape()))
        };
        match read {
            Some(read) if fits(&read) => {
                for (listed, value) in params.zip(read) {
                    self.report.applied.push(listed.path.clone());
                    self.values.push((&listed.param, value));
                }
            }
            read => {
                for (i, Listed { path, param, .. }) in params.enumerate() {
                    let shape = read.as_ref().map_or(&shapes[0][..], |read| read[i].shape());
                    let text = format!("`{path}` is {} in the model and {shape:?} in the file", param.shape_text());
                    if !matches(&self.translation.allow_missing, path) {
                        let name = self.names.found(&group.names[0]).unwrap_or_default();
                        self.problems.push(format!("differently shaped: {text}{}", place(path, name)));
                    }
                    self.report.differently_shaped.push(text);
                }
            }
        }
    }

    /// Notes that the file lacks the parameters of a group, for lack of this tensor.
    fn miss(&mut self, group: &Group, absent: &str) {
        let expected = self.names.expected(self.translation, absent);
        let mut allowed = true;
        for i in &group.params {
            let Listed { path, param, .. } = &self.listed[*i];
            self.report.missing.push(path.clone());
            if !matches(&self.translation.allow_missing, path) {
                allowed = false;
                let place = place(path, &expected);
                self.problems.push(format!("missing in the file: `{path}` {}{place}", param.shape_text()));
            }
        }
        if !allowed {
            self.missing.push(expected);
        }
    }

    /// Notes which tensors should be one and are not.
    fn compare_twins(&mut self) {
        for (first, second) in &self.names.twins {
            // A part of the file that is not wanted, such as the head of another model.
            if matches(&self.translation.ignore, second) {
                continue;
            }
            self.unused.remove(second);
            let both = decode(self.translation, self.weights, first)
                .and_then(|one| Ok((one, decode(self.translation, self.weights, second)?)));
            match both {
                Ok((one, other)) if one == other => {}
                Ok(_) => self.problems.push(format!(
                    "different: `{first}` and `{second}` are one tensor in this model, but not in the file: make a model \
                     where they are two, if there is such a setting"
                )),
                Err(reason) => self.problems.push(format!("unreadable: {reason}")),
            }
        }
    }

    /// Sets the parameters, if there is no problem.
    fn finish(mut self) -> Result<Report> {
        let mut unused: Vec<&str> = self.unused.into_iter().collect();
        unused.sort_unstable();
        let refused: Vec<&str> =
            unused.iter().copied().filter(|name| !matches(&self.translation.ignore, name)).collect();
        self.problems.extend(refused.iter().map(|name| format!("not in the model: `{name}`")));
        self.report.unused = unused.into_iter().map(String::from).collect();
        if !self.problems.is_empty() {
            let source = self.weights.path().map_or("the weights".into(), |path| path.display().to_string());
            let hint = hint(self.translation, self.listed, &self.missing, &refused);
            let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            let problems = self.problems.join("\n  ");
            return Err(Error::Parameters(format!("{source}: does not fit the model{hint}:\n  {problems}")));
        }
        for (param, value) in self.values {
            param.put(value)?;
        }
        Ok(self.report)
    }
}

/// A tensor's name in the file, where it is not the path of the parameter.
fn place(path: &str, name: &str) -> String {
    if name == path { String::new() } else { format!(" (`{name}`)") }
}

fn decode(translation: &Translation, weights: &Weights, name: &str) -> Result<Tensor, String> {
    let value = weights.decode(name).map_err(|reason| format!("`{name}`: {reason}"))?;
    match translation.is_transposed(name) {
        true => Ok(value.reversed_axes().as_standard_layout().into_owned().into_shared()),
        false => Ok(value),
    }
}
