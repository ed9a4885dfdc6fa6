// What a Plan makes of a picture.
#ifndef LINNET_TESTS_INFER_PLAN_OUTPUTS_H_
#define LINNET_TESTS_INFER_PLAN_OUTPUTS_H_

#include <vector>

#include "base/rng.h"
#include "infer/plan.h"

namespace linnet::testing {

// All outputs, one after the other.
inline std::vector<float> Outputs(Plan& plan, const std::vector<float>& input, ThreadPool* pool) {
  plan.Run(input.data(), {}, pool);
  std::vector<float> all;
  for (size_t i = 0; i < plan.outputs(); ++i) {
    all.insert(all.end(), plan.output(i).data(), plan.output(i).data() + plan.output(i).elements());
  }
  return all;
}

// The same of one fixed picture of noise.
inline std::vector<float> Outputs(Plan& plan, ThreadPool* pool) {
  std::vector<float> input(static_cast<size_t>(plan.input_shape().elements()));
  Rng rng(3);
  for (float& x : input) x = rng.Normal();
  return Outputs(plan, input, pool);
}

}  // namespace linnet::testing

#endif  // LINNET_TESTS_INFER_PLAN_OUTPUTS_H_
