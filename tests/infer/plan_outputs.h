// What a Plan makes of one fixed picture of noise.
#ifndef LINNET_TESTS_INFER_PLAN_OUTPUTS_H_
#define LINNET_TESTS_INFER_PLAN_OUTPUTS_H_

#include <vector>

#include "base/rng.h"
#include "infer/plan.h"

namespace linnet::testing {

// All outputs, one after the other.
inline std::vector<float> Outputs(Plan& plan, ThreadPool* pool) {
  std::vector<float> input(static_cast<size_t>(plan.input_shape().elements()));
  Rng rng(3);
  for (float& x : input) x = rng.Normal();
  plan.Run(input.data(), {}, pool);
  std::vector<float> all;
  for (size_t i = 0; i < plan.outputs(); ++i) {
    all.insert(all.end(), plan.output(i).data(), plan.output(i).data() + plan.output(i).elements());
  }
  return all;
}

}  // namespace linnet::testing

#endif  // LINNET_TESTS_INFER_PLAN_OUTPUTS_H_
