// Linnet for C++ programs: open a model file, classify pictures, measure latency.
//
//   #include <linnet/linnet.hpp>
//
//   linnet::Classifier classifier("model.safetensors");
//   for (const linnet::Label& label : classifier.ClassifyFile("bird.jpg")) {
//     std::cout << label.name << " " << label.score << "\n";
//   }
//
// A model file holds everything: the network, its weights, what is done to a picture before the
// network sees it, and the names of the classes. So a picture gets the same answer here as in
// `linnet eval`, which measured the accuracy.
//
// What fails, throws linnet::Failure. Needs C++17.
#ifndef LINNET_LINNET_HPP_
#define LINNET_LINNET_HPP_

#include <linnet/export.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace linnet {

// "0.1.0".
LINNET_API const char* Version() noexcept;

class LINNET_API Failure : public std::runtime_error {
 public:
  // The numbers are the exit codes of the command line.
  enum Kind {
    kInternal = 1,  // a defect of Linnet
    kUsage = 2,     // an argument makes no sense
    kData = 3,      // a picture cannot be decoded
    kFile = 6,      // a file cannot be read, or was refused as no model
  };
  Failure(Kind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  Failure(const Failure&) = default;
  ~Failure() override;
  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

struct Label {
  std::string name;  // of the class; its number if the model names none
  int index = 0;     // among the classes
  float score = 0;   // in [0, 1]; over all classes the sum is 1
};

// Of single pictures, from pixels to scores, without decoding.
struct LatencyFigures {
  double median_ms = 0;
  double p95_ms = 0;
  double p99_ms = 0;
  int runs = 0;
};

// Safe to use from any number of threads: calls on one object take turns. For pictures at the same
// time, make an object for each thread.
class LINNET_API Classifier {
 public:
  // Opens a model file, checks it, and makes the network ready to run. 'threads' are used inside
  // each call; 0 means all processors this process may use. The answers do not depend on it.
  explicit Classifier(const std::string& path, int threads = 1);
  ~Classifier();
  Classifier(Classifier&&) noexcept;
  Classifier& operator=(Classifier&&) noexcept;

  // Each returns the 'top' best labels, best first (all of them if 'top' is 0 or too large).

  // A picture file: JPEG, PNG, WebP, GIF, BMP, PNM, told by its content; turned upright.
  std::vector<Label> ClassifyFile(const std::string& path, int top = 5) const;
  // The bytes of such a file.
  std::vector<Label> ClassifyEncoded(const void* bytes, std::size_t size, int top = 5) const;
  // Pixels: 8-bit red, green, blue, row by row without gaps, upright.
  std::vector<Label> ClassifyRgb(const std::uint8_t* rgb, int width, int height, int top = 5) const;

  // Names of the classes, in the order of Label::index; empty if the model names none.
  const std::vector<std::string>& labels() const noexcept;
  int classes() const noexcept;
  // What pictures are resized to.
  int input_width() const noexcept;
  int input_height() const noexcept;

  // Runs the network on this machine for about so many seconds.
  LatencyFigures MeasureLatency(double seconds = 1) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace linnet

#endif  // LINNET_LINNET_HPP_
