// Chooses among an operation's implementations by measuring them, and remembers the choices in a
// file, so that a machine measures a shape once.
//
// Implementations differ in their rounding: a tuned Plan gives the same bits for the same choices,
// with any number of threads, but not those of another machine, nor of the rules.
#ifndef LINNET_INFER_TUNE_H_
#define LINNET_INFER_TUNE_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "base/thread_pool.h"
#include "graph/graph.h"

namespace linnet {

// tune.json in the folder where this user's programs keep what can be found out again
// (base/file.h); empty where there is none.
std::string TuneFile();

class Tuner {
 public:
  // file: remembers the choices; it need not exist, and one that is broken or cannot be written
  // only means that nothing is remembered. Empty: no file. weight_bytes: of the whole network. So
  // much memory passes between two uses of one layer's weights, in the measurements, too.
  Tuner(std::string file, int threads, size_t weight_bytes);

  struct Choice {
    std::string implementation;
    std::string why;  // "winograd4 0.331 ms, winograd2 0.512 ms, matmul 0.935 ms"
  };
  // The fastest of 'candidates' (Prepared::candidates).
  Choice Choose(const Op& op, const std::vector<Shape>& in, const Shape& out,
                const std::vector<std::string>& candidates);
  // How many operations were measured, not remembered.
  int measured() const { return measured_; }
  // Adds what was measured to the file.
  void Save() const;

 private:
  std::string Key(const Op& op, const std::vector<Shape>& in) const;
  // Median milliseconds of each candidate.
  std::vector<double> Measure(const Op& op, const std::vector<Shape>& in, const Shape& out,
                              const std::vector<std::string>& candidates);

  std::string file_;
  ThreadPool pool_;
  Tensor passing_;                  // stands for the other layers' weights
  nlohmann::ordered_json choices_;  // by key: milliseconds by candidate
  int measured_ = 0;
};

}  // namespace linnet

#endif  // LINNET_INFER_TUNE_H_
