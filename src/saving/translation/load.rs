//! From a file into a model.

use std::collections::HashMap;

use super::{Group, Report, Translation, matches};
use crate::error::{Error, Result};
use crate::kernels::parallel;
use crate::layers::glob;
use crate::param::{Listed, Param};
use crate::saving::Weights;
use crate::tensor::Tensor;

pub(super) fn load(translation: &Translation, listed: &[Listed], weights: &Weights) -> Result<Report> {
    let present = names(translation, weights)?;
    let plan = translation.plan(listed, &|_, whole| present.contains_key(whole))?;
    let (mut report, mut problems, mut values) = (Report::default(), Vec::new(), Vec::new());
    let mut unused: Vec<&str> = weights.names().collect();
    let found = |name: &String| present.get(name).copied();
    let read = |group: &Group| -> Result<_, String> {
        let names = group.layout.needed(&group.names).iter().filter_map(found);
        let stored = names.map(|name| decode(translation, weights, name)).collect::<Result<Vec<_>, _>>()?;
        let params: Vec<&Param> = group.params.iter().map(|i| &listed[*i].param).collect();
        let shapes: Vec<_> = stored.iter().map(|value| value.shape().to_vec()).collect();
        Ok((shapes, group.layout.read(&stored, &params)))
    };
    // Most of the time goes into memory that is new, which threads get side by side.
    let values_of_groups = parallel::map_chunks(plan.len(), 1, |part| read(&plan[part.start]));
    for (group, stored) in plan.iter().zip(values_of_groups) {
        unused.retain(|name| group.names.iter().all(|own| found(own) != Some(name)));
        let params: Vec<&Param> = group.params.iter().map(|i| &listed[*i].param).collect();
        let paths: Vec<&str> = group.params.iter().map(|i| listed[*i].path.as_str()).collect();
        let allowed = |path: &str| matches(&translation.allow_missing, path);
        // What a reader of the message does not see from the path alone.
        let place = |path: &str, name: &str| {
            let name = translation.to_file(name);
            if name == path { String::new() } else { format!(" (`{name}`)") }
        };
        let needed = group.layout.needed(&group.names);
        if let Some(absent) = needed.iter().find(|name| found(name).is_none()) {
            for (path, param) in paths.iter().zip(&params) {
                report.missing.push((*path).into());
                if !allowed(path) {
                    let place = place(path, absent);
                    problems.push(format!("missing in the file: `{path}` {}{place}", param.shape_text()));
                }
            }
            continue;
        }
        let (shapes, read) = match stored {
            Ok(stored) => stored,
            Err(reason) => {
                problems.push(format!("unreadable: {reason}"));
                continue;
            }
        };
        let fits = |values: &Vec<Tensor>| values.iter().zip(&params).all(|(value, param)| param.fits(value.shape()));
        match read {
            Some(read) if fits(&read) => {
                report.applied.extend(paths.iter().map(|path| String::from(*path)));
                values.extend(params.into_iter().zip(read));
            }
            read => {
                for (i, (path, param)) in paths.iter().zip(&params).enumerate() {
                    let shape = read.as_ref().map_or(&shapes[0][..], |read| read[i].shape());
                    let text = format!("`{path}` is {} in the model and {shape:?} in the file", param.shape_text());
                    if !allowed(path) {
                        problems.push(format!("differently shaped: {text}{}", place(path, &group.names[0])));
                    }
                    report.differently_shaped.push(text);
                }
            }
        }
    }
    unused.sort_unstable();
    let refused = unused.iter().filter(|name| !matches(&translation.ignore, name));
    problems.extend(refused.map(|name| format!("not in the model: `{name}`")));
    report.unused = unused.into_iter().map(String::from).collect();
    if !problems.is_empty() {
        let source = weights.path().map_or("the weights".into(), |path| path.display().to_string());
        return Err(Error::Parameters(format!("{source}: does not fit the model:\n  {}", problems.join("\n  "))));
    }
    values.into_iter().try_for_each(|(param, value)| param.put(value))?;
    Ok(report)
}

/// The file's names by those that they have after the rules.
fn names<'w>(translation: &Translation, weights: &'w Weights) -> Result<HashMap<String, &'w str>> {
    if let Some(rule) = translation.transposed.iter().find(|rule| !weights.names().any(|name| glob(rule, name))) {
        return Err(Error::value(format!("expected in `transposed` the name of a tensor of the file, got `{rule}`")));
    }
    let mut names = HashMap::with_capacity(weights.len());
    for name in weights.names() {
        let target = translation.to_model(name);
        if let Some(other) = names.insert(target.clone(), name) {
            return Err(Error::value(format!(
                "expected rules that send each tensor to a place of its own, but `{other}` and `{name}` both go to `{target}`"
            )));
        }
    }
    Ok(names)
}

fn decode(translation: &Translation, weights: &Weights, name: &str) -> Result<Tensor, String> {
    let value = weights.decode(name).map_err(|reason| format!("`{name}`: {reason}"))?;
    match translation.is_transposed(name) {
        true => Ok(value.reversed_axes().as_standard_layout().into_owned().into_shared()),
        false => Ok(value),
    }
}
