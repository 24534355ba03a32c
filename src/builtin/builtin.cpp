// SPDX-License-Identifier: MIT
#include "lldm/builtin/builtin.hpp"

#include "lldm/estimator/adaptive.hpp"
#include "lldm/estimator/any_order.hpp"
#include "lldm/estimator/block_aligned.hpp"
#include "lldm/estimator/complementary_pair.hpp"
#include "lldm/estimator/eubo.hpp"
#include "lldm/estimator/exact.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/left_to_right.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/estimator/one_step.hpp"
#include "lldm/estimator/quadrature.hpp"
#include "lldm/estimator/recorded_trajectory.hpp"
#include "lldm/estimator/segmented.hpp"
#include "lldm/eval/file.hpp"
#include "lldm/eval/gsm8k.hpp"
#include "lldm/eval/word_problems.hpp"
#include "lldm/forward/block_masked.hpp"
#include "lldm/forward/masked.hpp"
#include "lldm/forward/uniform.hpp"
#include "lldm/objective/aot.hpp"
#include "lldm/objective/aot_unpaired.hpp"
#include "lldm/objective/apo_down.hpp"
#include "lldm/objective/apo_zero.hpp"
#include "lldm/objective/bco_pair.hpp"
#include "lldm/objective/cpo.hpp"
#include "lldm/objective/d2_dpo.hpp"
#include "lldm/objective/discopop.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/exo_pair.hpp"
#include "lldm/objective/hinge.hpp"
#include "lldm/objective/ipo.hpp"
#include "lldm/objective/kto.hpp"
#include "lldm/objective/listwise.hpp"
#include "lldm/objective/nca_pair.hpp"
#include "lldm/objective/orpo.hpp"
#include "lldm/objective/pretraining.hpp"
#include "lldm/objective/robust.hpp"
#include "lldm/objective/sft.hpp"
#include "lldm/objective/simpo.hpp"
#include "lldm/objective/sppo_hard.hpp"
#include "lldm/objective/stepwise_dpo.hpp"
#include "lldm/objective/weighted_sum.hpp"
#include "lldm/registry/registration.hpp"
#include "lldm/sampler/fixed_length.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "lldm/sampler/remasking/random.hpp"
#include "lldm/sampler/semi_autoregressive_origin.hpp"
#include "lldm/sampler/semi_autoregressive_padding.hpp"
#include "lldm/schedule/clipped.hpp"
#include "lldm/schedule/cosine.hpp"
#include "lldm/schedule/geometric.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/schedule/loglinear.hpp"
#include "lldm/schedule/polynomial.hpp"
#include "stage/kinds.hpp"

namespace lldm {

void register_builtin_components(Registry& registry) {
  register_stage_kinds(registry);
  registry.add<MaskedProcess>()
      .add<UniformProcess>()
      .add<BlockMaskedProcess>()
      .add<LinearSchedule>()
      .add<CosineSchedule>()
      .add<PolynomialSchedule>()
      .add<LoglinearSchedule>()
      .add<GeometricSchedule>()
      .add<ClippedSchedule>()
      .add<FullTrajectory>()
      .add<MonteCarloElbo>()
      .add<Segmented>()
      .add<OneStep>()
      .add<ComplementaryPair>()
      .add<Quadrature>()
      .add<BlockAligned>()
      .add<AnyOrder>()
      .add<LeftToRight>()
      .add<Exact>()
      .add<Eubo>()
      .add<RecordedTrajectory>()
      .add<Adaptive>()
      .add<Pretraining>()
      .add<Sft>()
      .add<Dpo>()
      .add<Ipo>()
      .add<Hinge>()
      .add<Robust>()
      .add<ExoPair>()
      .add<NcaPair>()
      .add<BcoPair>()
      .add<SppoHard>()
      .add<ApoZero>()
      .add<ApoDown>()
      .add<Discopop>()
      .add<Aot>()
      .add<AotUnpaired>()
      .add<Kto>()
      .add<Cpo>()
      .add<Simpo>()
      .add<Orpo>()
      .add<StepwiseDpo>()
      .add<D2Dpo>()
      .add<Listwise>()
      .add<WeightedSum>()
      .add<LowConfidence>()
      .add<RandomOrder>()
      .add<FixedLength>()
      .add<SemiAutoregressivePadding>()
      .add<SemiAutoregressiveOrigin>()
      .add<WordProblems>()
      .add<Gsm8k>()
      .add<FileTask>();
}

}  // namespace lldm
