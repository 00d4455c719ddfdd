//! Choosing among the clusters of a route by weight.

/// The clusters of a route and their shares of its calls.
#[derive(Clone, Debug)]
pub struct Weighted {
    /// Clusters by index, each with the sum of the weights up to and including its own.
    steps: Box<[(u32, usize)]>,
}

impl Weighted {
    /// Clusters by index with their weights. The plan has seen to it that there is one and that the weights sum up to
    /// between 1 and `u32::MAX`.
    pub(crate) fn new(weights: impl IntoIterator<Item = (usize, u32)>) -> Weighted {
        let mut sum = 0u32;
        let steps = weights
            .into_iter()
            .map(|(cluster, weight)| {
                sum = sum.saturating_add(weight);
                (sum, cluster)
            })
            .collect();
        Weighted { steps }
    }

    /// The cluster for a call, given a uniformly random number.
    pub fn pick(&self, random: u32) -> Picked {
        let total = self.steps.last().map_or(0, |(sum, _)| *sum);
        // Scales `random` from 2^32 down to the total; the product fits, and so does its upper half.
        let point = (u64::from(random) * u64::from(total)) >> 32;
        let place = self.steps.iter().position(|(sum, _)| point < u64::from(*sum)).unwrap_or_default();
        Picked { place, cluster: self.steps.get(place).map_or(0, |(_, cluster)| *cluster) }
    }

    /// How many clusters there are: places are below it.
    #[allow(clippy::len_without_is_empty)] // There is always one.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// The clusters by index, in the order of their places.
    pub fn indexes(&self) -> impl Iterator<Item = usize> {
        self.steps.iter().map(|(_, cluster)| *cluster)
    }
}

/// One of the clusters of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picked {
    /// Its place among the clusters of the route.
    pub place: usize,
    /// Its index among the clusters of the plan.
    pub cluster: usize,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights_are_shares() {
        let weighted = Weighted::new([(7, 95), (8, 0), (9, 5)]);
        let mut picked = [0u32; 3];
        // Every point of the range, evenly.
        for step in 0..10_000u32 {
            let Picked { place, cluster } = weighted.pick(step * 429_496);
            assert_eq!(cluster, place + 7);
            picked[place] += 1;
        }
        assert!(
            picked[0].abs_diff(9500) <= 2 && picked[1] == 0 && picked[2].abs_diff(500) <= 2,
            "{picked:?}"
        );
        assert_eq!(weighted.pick(0), Picked { place: 0, cluster: 7 });
        assert_eq!(weighted.pick(u32::MAX), Picked { place: 2, cluster: 9 });
        assert_eq!(weighted.indexes().collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(weighted.len(), 3);
    }

    proptest! {
        #[test]
        fn a_cluster_without_weight_is_never_picked(
            weights in proptest::collection::vec(0u32..=1_000_000, 1..20), random: u32,
        ) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let picked = Weighted::new(weights.iter().copied().enumerate()).pick(random);
            prop_assert!(weights[picked.cluster] > 0);
        }
    }
}
