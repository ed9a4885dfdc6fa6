#include "base/tensor.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/slab.h"

namespace linnet {
namespace {

struct DTypeInfo {
  const char* name;
  size_t bytes;
};

constexpr DTypeInfo kDTypes[] = {{"F32", 4}, {"BF16", 2}, {"F16", 2}, {"I8", 1},
                                 {"U8", 1},  {"I32", 4},  {"I64", 8}};

}  // namespace

size_t DTypeBytes(DType dtype) { return kDTypes[static_cast<int>(dtype)].bytes; }
const char* DTypeName(DType dtype) { return kDTypes[static_cast<int>(dtype)].name; }

Shape::Shape(std::initializer_list<int64_t> dims) {
  for (int64_t dim : dims) Append(dim);
}

void Shape::Append(int64_t dim) {
  Check(rank_ < kMaxRank, "a shape has at most {} dimensions", kMaxRank);
  dims_[rank_++] = dim;
}

int64_t Shape::elements() const {
  int64_t product = 1;
  for (int i = 0; i < rank_; ++i) product *= dims_[i];
  return product;
}

bool Shape::operator==(const Shape& other) const {
  if (rank_ != other.rank_) return false;
  for (int i = 0; i < rank_; ++i) {
    if (dims_[i] != other.dims_[i]) return false;
  }
  return true;
}

std::string Shape::ToString() const {
  std::string text = "[";
  for (int i = 0; i < rank_; ++i) text += (i ? "," : "") + std::to_string(dims_[i]);
  return text + "]";
}

std::shared_ptr<void> AllocateAligned(size_t bytes) {
  if (std::shared_ptr<void> memory = AllocateFromSlab(bytes)) return memory;
  constexpr size_t kHugePage = size_t{2} << 20;
  const size_t alignment = bytes < kHugePage ? Tensor::kAlignment : kHugePage;
  const size_t rounded = (bytes + Tensor::kAlignment) / Tensor::kAlignment * Tensor::kAlignment;
  // aligned_alloc wants a multiple of the alignment; what lies behind 'rounded' is never touched.
  void* data = std::aligned_alloc(alignment, (rounded + alignment - 1) / alignment * alignment);
  if (data == nullptr) throw std::bad_alloc();
#ifdef __linux__
  // Advice: where the system has no huge pages to give, nothing changes.
  if (bytes >= kHugePage) madvise(data, rounded / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  std::memset(data, 0, rounded);
  return std::shared_ptr<void>(data, std::free);
}

Tensor::Tensor(Shape shape, DType dtype) : shape_(shape), dtype_(dtype) {
  owner_ = AllocateAligned(bytes());
  data_ = owner_.get();
}

Tensor Tensor::View(void* data, Shape shape, DType dtype) {
  return Shared(data, shape, dtype, nullptr);
}

Tensor Tensor::Shared(void* data, Shape shape, DType dtype, std::shared_ptr<void> owner) {
  Tensor tensor;
  tensor.data_ = data;
  tensor.shape_ = shape;
  tensor.dtype_ = dtype;
  tensor.owner_ = std::move(owner);
  return tensor;
}

Tensor Tensor::Clone() const {
  Tensor copy(shape_, dtype_);
  std::memcpy(copy.data_, data_, bytes());
  return copy;
}

Tensor Tensor::Reshaped(Shape shape) const {
  Check(shape.elements() == elements(), "cannot view {} as {}", shape_.ToString(),
        shape.ToString());
  Tensor view = *this;
  view.shape_ = shape;
  return view;
}

}  // namespace linnet
