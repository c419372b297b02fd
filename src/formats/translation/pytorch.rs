//! The one table of what PyTorch calls the parts of our layers, and how it lays them out.

use super::Group;
use super::layout::Layout::{self, *};
use crate::autograd::{Listed, glob};

/// Kind of a layer, our name of a part (a parameter or an inner layer), PyTorch's, and the layout. Where PyTorch has two
/// tensors for a parameter, both names; where an inner layer has no name of its own, a `*` that stands for what is inside.
const TABLE: &[(&str, &str, &str, Layout)] = &[
    ("Dense", "kernel", "weight", Reversed),
    ("Dense", "bias", "bias", Reversed),
    ("TiedDense", "embeddings", "weight", Same),
    ("Conv*d", "kernel", "weight", Kernel),
    ("DepthwiseConv*d", "kernel", "weight", Depthwise),
    ("SeparableConv*d", "depthwise_kernel", "depthwise.weight", Depthwise),
    ("SeparableConv*d", "pointwise_kernel", "pointwise.weight", Kernel),
    ("SeparableConv*d", "bias", "pointwise.bias", Same),
    ("*Norm", "gamma", "weight", Same),
    ("*Norm", "beta", "bias", Same),
    ("BatchNorm", "moving_mean", "running_mean", Same),
    ("BatchNorm", "moving_variance", "running_var num_batches_tracked", Counted),
    ("PRelu", "alpha", "weight", Slopes),
    ("Embedding", "embeddings", "weight", Same),
    ("LearnedPositions", "table", "weight", Same),
    ("SimpleRnn", "kernel", "weight_ih_l0", Reversed),
    ("SimpleRnn", "recurrent_kernel", "weight_hh_l0", Reversed),
    ("SimpleRnn", "bias", "bias_ih_l0 bias_hh_l0", Summed),
    ("Lstm", "kernel", "weight_ih_l0", Reversed),
    ("Lstm", "recurrent_kernel", "weight_hh_l0", Reversed),
    ("Lstm", "bias", "bias_ih_l0 bias_hh_l0", Summed),
    ("Gru", "kernel", "weight_ih_l0", Gates),
    ("Gru", "recurrent_kernel", "weight_hh_l0", Gates),
    ("Gru", "bias", "bias_ih_l0 bias_hh_l0", Rows),
    ("Bidirectional", "forward", "*", Same),
    ("Bidirectional", "backward", "*_reverse", Same),
    ("MultiHeadAttention", "output", "out_proj", Same),
    ("Transformer*", "self_attention", "self_attn", Same),
    ("Transformer*", "cross_attention", "multihead_attn", Same),
    ("Transformer*", "linear_1", "linear1", Same),
    ("Transformer*", "linear_2", "linear2", Same),
    ("Transformer*", "norm_1", "norm1", Same),
    ("Transformer*", "norm_2", "norm2", Same),
    ("Transformer*", "norm_3", "norm3", Same),
];

/// The parts of attention whose parameters PyTorch packs into one tensor.
const PACKED: [&str; 3] = ["query", "key", "value"];

type Step<'s> = (&'s str, &'s str);

fn row<'a>((kind, name): Step<'a>) -> (&'a str, Layout) {
    let found = TABLE.iter().find(|(kinds, ours, ..)| *ours == name && glob(kinds, kind));
    found.map_or((name, Same), |(_, _, theirs, layout)| (theirs, *layout))
}

/// A name inside of the layers that these steps lead to.
fn inside(steps: &[Step], name: &str) -> String {
    steps.iter().rev().fold(name.into(), |name: String, step| match row(*step).0 {
        place if place.contains('*') => place.replace('*', &name),
        place => format!("{place}.{name}"),
    })
}

/// Which tensors hold which parameters. `packed` decides of an attention, from its path and the name of its packed tensor.
pub(super) fn plan(listed: &[Listed], separate: bool, packed: &dyn Fn(&str, &str) -> bool) -> Vec<Group> {
    let mut plan: Vec<Group> = Vec::with_capacity(listed.len());
    for (i, Listed { path, .. }) in listed.iter().enumerate() {
        let steps: Vec<Step> = listed[i].steps().collect();
        let Some((leaf, outer)) = steps.split_last() else { continue };
        match outer.split_last() {
            Some((("MultiHeadAttention", part), outer)) if PACKED.contains(part) && !separate => {
                let attention = path.strip_suffix(&format!("{part}.{}", leaf.1)).unwrap_or_default();
                let whole = inside(outer, "in_proj_weight");
                let name = match leaf.1 {
                    "bias" => inside(outer, "in_proj_bias"),
                    _ if packed(attention, &whole) => whole,
                    _ => inside(outer, &format!("{}_proj_weight", &part[..1])),
                };
                match plan.iter_mut().find(|group| group.names[0] == name) {
                    Some(group) => group.params.push(i),
                    None => plan.push(Group::new(vec![name], i, Reversed)),
                }
            }
            _ => {
                let (names, layout) = row(*leaf);
                let names = names.split(' ').map(|name| inside(outer, name)).collect();
                plan.push(Group::new(names, i, layout));
            }
        }
    }
    plan
}
