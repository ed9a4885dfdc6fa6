// What the workers of bench/peers have in common: each is a process that holds one network and
// obeys lines on standard input with one line on standard output, so that compare.py can let them
// run in turn while the others sleep.
//
//   load ARCH ONNX PICTURE   gets the network ready              -> ok NAME-AND-VERSION
//                            (with tabs between, as paths may have blanks)
//   run N                    runs it N times                     -> N times in nanoseconds
//   output                   its first output, after 'run'       -> numbers
//   limit                    this machine's ceiling (see Peer)   -> GMAC/s and milliseconds
//
// PICTURE holds float32 numbers, NCHW. What goes wrong is answered with "error" and a sentence.
#ifndef LINNET_BENCH_PEERS_WORKER_H_
#define LINNET_BENCH_PEERS_WORKER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace linnet::peers {

struct Network {
  std::string arch;  // as `linnet time` takes it
  std::string onnx;  // the same network's file, with the same weights
  std::string picture;
};

// The float32 numbers of a file. Throws if it cannot be read.
std::vector<float> ReadFloats(const std::string& path);
// [C,H,W] -> [H,W,C]
std::vector<float> ToHwc(const std::vector<float>& chw, int64_t channels);

class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string name() const = 0;
  virtual void Run() = 0;
  virtual std::vector<float> Output() = 0;
  // The measured peak of float32 multiply-adds, 1e9 a second, and the least milliseconds that this
  // machine could need. Only Linnet's worker knows it.
  virtual std::pair<double, double> Limit() { return {}; }
};

// Serves until standard input ends. Returns the exit code.
int Serve(const std::function<std::unique_ptr<Peer>(const Network&)>& load);

}  // namespace linnet::peers

#endif  // LINNET_BENCH_PEERS_WORKER_H_
