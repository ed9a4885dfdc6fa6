// Matrix products, float32: the arithmetic of pointwise convolutions and dense layers.
//
//   forward               C[m,n]  = A[m,k] W[n,k]^T, epilogue applied in registers
//   gradient of input     dA[m,k] (+)= dC[m,n] W[n,k]
//   gradient of weights   dW[n,k] += dC[m,n]^T A[m,k]
//
// Goals: activations are read and written where they lie (rows at any stride); any m, n, k; nothing
// past the end of an array is read or written; near the machine's peak of multiply-adds, for small
// k and n too. Weights are packed into panels of a width that the instruction set likes, cheaply
// enough to do it again after every training step.
//
// Determinism: every element is one sum in ascending order of k (MatMul), or of fixed blocks of m
// (MatMulWeightGrad); so results do not depend on the number of threads, and a row of MatMul's
// result not even on the other rows.
//
// Method: Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS
// 2008, without packing of A; rows are given by pointers as in Dukhan, "The Indirect Convolution
// Algorithm", 1907.02129.
#ifndef LINNET_KERNELS_MATMUL_H_
#define LINNET_KERNELS_MATMUL_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/thread_pool.h"
#include "kernels/epilogue.h"

namespace linnet::kernels {

struct MicroKernels;  // the chosen instruction set's functions, matmul_kernels.h

// C[m, n] = A[m, k] B. The instruction set is chosen on construction.
class MatMul {
 public:
  // k: length of the sums, may be 0; n: columns of the result, > 0.
  MatMul(int64_t k, int64_t n);

  // "matmul_f32 AVX3 6x64"
  const std::string& name() const { return name_; }
  // Of the packed B, whose memory must be 64-byte aligned (AllocateAligned, Tensor).
  size_t packed_bytes() const;

  // B = W^T for weights [n, k] (the forward pass).
  void PackTransposed(const float* w, float* packed, ThreadPool* pool) const;
  // B = W for weights [k, n] (the gradient of the input: 'k' is then the number of output
  // channels).
  void Pack(const float* w, float* packed, ThreadPool* pool) const;

  // c = act(a B + bias + residual). a: m rows of k floats, a_stride floats apart; c: m rows of n
  // floats, c_stride apart. c overlaps none of the others.
  void Run(int64_t m, const float* a, int64_t a_stride, const float* packed, float* c,
           int64_t c_stride, const Epilogue& epilogue, ThreadPool* pool) const;
  // c += a B if 'accumulate', else c = a B.
  void Run(int64_t m, const float* a, int64_t a_stride, const float* packed, float* c,
           int64_t c_stride, bool accumulate, ThreadPool* pool) const;

 private:
  const MicroKernels* kernels_;
  int64_t k_, n_;
  std::string name_;
};

// dW[n, k] += dC[m, n]^T A[m, k].
class MatMulWeightGrad {
 public:
  MatMulWeightGrad(int64_t m, int64_t n, int64_t k);  // n > 0
  size_t ScratchBytes(int threads) const;
  // dc: m rows of n floats, dc_stride apart; a: m rows of k floats, a_stride apart; dw dense.
  // scratch: ScratchBytes(Threads(pool)), 64-byte aligned, need not be initialised.
  void Run(const float* dc, int64_t dc_stride, const float* a, int64_t a_stride, float* dw,
           void* scratch, ThreadPool* pool) const;

 private:
  const MicroKernels* kernels_;
  int64_t m_, n_, k_;
};

// sums[n] += the sums of the columns of a[m, n] (the gradient of a bias).
class ColumnSums {
 public:
  ColumnSums(int64_t m, int64_t n);
  size_t ScratchBytes() const;
  void Run(const float* a, int64_t a_stride, float* sums, void* scratch, ThreadPool* pool) const;

 private:
  const MicroKernels* kernels_;
  int64_t m_, n_;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_MATMUL_H_
