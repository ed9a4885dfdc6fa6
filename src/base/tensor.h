// Shape, DType, Tensor: numbers in memory with a shape. Activations are NHWC, convolution weights
// OHWI.
#ifndef LINNET_BASE_TENSOR_H_
#define LINNET_BASE_TENSOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

namespace linnet {

enum class DType { kF32, kBF16, kF16, kI8, kU8, kI32, kI64 };

size_t DTypeBytes(DType dtype);
// The name safetensors uses: "F32", "BF16", "F16", "I8", "U8", "I32", "I64".
const char* DTypeName(DType dtype);

// Up to four dimensions; rank 0 is a scalar (one element).
class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims);

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[i]; }
  int64_t& operator[](int i) { return dims_[i]; }
  void Append(int64_t dim);
  int64_t elements() const;
  bool operator==(const Shape& other) const;
  // "[1,224,224,3]"
  std::string ToString() const;

  // The dimensions of an NHWC activation; rank must be 4.
  int64_t n() const { return dims_[0]; }
  int64_t h() const { return dims_[1]; }
  int64_t w() const { return dims_[2]; }
  int64_t c() const { return dims_[3]; }

 private:
  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

// A dense row-major array. Copies share the numbers; Clone() does not. A Tensor made by View does
// not own its memory, which must outlive it.
class Tensor {
 public:
  // Allocations start at a multiple of this many bytes: a cache line, and the widest vector.
  static constexpr size_t kAlignment = 64;

  Tensor() = default;
  // Zero-filled.
  explicit Tensor(Shape shape, DType dtype = DType::kF32);
  static Tensor View(void* data, Shape shape, DType dtype = DType::kF32);
  // A view that keeps 'owner' (a mapped file, an arena) alive.
  static Tensor Shared(void* data, Shape shape, DType dtype, std::shared_ptr<void> owner);

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  int64_t elements() const { return shape_.elements(); }
  size_t bytes() const { return static_cast<size_t>(elements()) * DTypeBytes(dtype_); }
  explicit operator bool() const { return data_ != nullptr; }

  template <class T = float>
  T* data() {
    return static_cast<T*>(data_);
  }
  template <class T = float>
  const T* data() const {
    return static_cast<const T*>(data_);
  }

  Tensor Clone() const;
  // The same numbers under another shape of as many elements.
  Tensor Reshaped(Shape shape) const;

 private:
  void* data_ = nullptr;
  Shape shape_;
  DType dtype_ = DType::kF32;
  std::shared_ptr<void> owner_;
};

// Zero-filled memory aligned to Tensor::kAlignment. From 2 MB on in huge pages, where the system
// has them: a map whose pixels lie kilobytes apart needs a page for each otherwise, more than the
// processor's first table of pages holds, and its place in the second-level cache is left to
// chance.
std::shared_ptr<void> AllocateAligned(size_t bytes);

}  // namespace linnet

#endif  // LINNET_BASE_TENSOR_H_
