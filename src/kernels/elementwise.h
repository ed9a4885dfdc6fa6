// What is done to each element, row or sample: activations, sums, products, softmax, loss, dropout,
// copies of channels. Float32. Every function gives the same bits for any number of threads.
//
// Gradients: 'accumulate' false overwrites, true adds. Where nothing else is said a result may lie
// over an input of the same shape.
#ifndef LINNET_KERNELS_ELEMENTWISE_H_
#define LINNET_KERNELS_ELEMENTWISE_H_

#include <cstddef>
#include <cstdint>

#include "base/activation.h"
#include "base/tensor.h"
#include "base/thread_pool.h"

namespace linnet::kernels {

// ---- activations ----

// y = act(x)
void ActivationForward(int64_t count, Activation act, float alpha, const float* x, float* y,
                       ThreadPool* pool);
// dx (+)= dy * act'(x). At a kink the derivative of the reference's branch (base/activation.h).
void ActivationBackward(int64_t count, Activation act, float alpha, const float* x, const float* dy,
                        bool accumulate, float* dx, ThreadPool* pool);

// ---- sums ----

// y = act(a + scale * b); where one has 1 in a dimension (or lacks it, in front), it is repeated.
// Error (kInternal) if the shapes do not fit. y may lie over what has its shape.
void AddForward(const Shape& a_shape, const Shape& b_shape, const float* a, const float* b,
                float scale, Activation act, float alpha, float* y, ThreadPool* pool);
// dz = act'(a + scale * b) * dy; dz may be dy.
void AddBackward(const Shape& a_shape, const Shape& b_shape, const float* a, const float* b,
                 float scale, Activation act, float alpha, const float* dy, float* dz,
                 ThreadPool* pool);
// The gradient of one term x: dx (+)= factor * dz, summed over the dimensions in which x is
// repeated.
void AddTermGradient(const Shape& z_shape, const Shape& x_shape, float factor, const float* dz,
                     bool accumulate, float* dx, ThreadPool* pool);
// to += from
void Accumulate(int64_t count, const float* from, float* to, ThreadPool* pool);
// y[r, c] = act(x[r, c] + bias[c]); bias may be null.
void BiasActivation(int64_t rows, int64_t channels, const float* x, const float* bias,
                    Activation act, float alpha, float* y, ThreadPool* pool);
// sums[c] += sum over rows of x[r, c]: the gradient of a bias.
size_t BiasGradientScratchBytes(int64_t rows, int64_t channels);
void BiasGradient(int64_t rows, int64_t channels, const float* x, float* sums, void* scratch,
                  ThreadPool* pool);

// ---- products: y = a * b, each dimension of b being that of a or 1 (then broadcast) ----

// 'a' has the shape of y; shapes are NHWC (lower ranks: leading ones). Error (kInternal) if b does
// not broadcast to a.
void MulForward(const Shape& a_shape, const Shape& b_shape, const float* a, const float* b,
                float* y, ThreadPool* pool);
// da (+)= dy * b; null: not wanted. da may be dy only if db is null.
// db (+)= dy * a summed over the broadcast dimensions; null: not wanted.
void MulBackward(const Shape& a_shape, const Shape& b_shape, const float* a, const float* b,
                 const float* dy, bool accumulate_a, float* da, bool accumulate_b, float* db,
                 ThreadPool* pool);

// ---- softmax over the last axis ----

// y[r, :] = exp(x[r, :] - max) / sum
void SoftmaxForward(int64_t rows, int64_t classes, const float* x, float* y, ThreadPool* pool);
// dx (+)= y * (dy - sum(dy * y))
void SoftmaxBackward(int64_t rows, int64_t classes, const float* y, const float* dy,
                     bool accumulate, float* dx, ThreadPool* pool);

// Mean cross-entropy of softmax(logits) against q = (1 - smoothing) * onehot(label) + smoothing /
// classes (label smoothing, 1512.00567 sec. 7). Labels outside [0, classes) are an internal error.
//   losses     [rows]: the loss of each sample
//   gradient   [rows, classes]: (softmax - q) / rows; not over the logits
//   returns the mean, summed in double in the order of the rows
double SoftmaxCrossEntropy(int64_t rows, int64_t classes, const float* logits,
                           const int32_t* labels, float smoothing, float* losses, float* gradient,
                           ThreadPool* pool);

// ---- dropout ----

// Whether element 'index' is kept: a function of (seed, index) only, so backward draws the same
// mask and any thread can. Kept with probability 1 - rate.
bool DropoutKeeps(uint64_t seed, uint64_t index, float rate);
// y = kept ? x / (1 - rate) : 0. Backward is the same function on dy with the same seed.
void Dropout(int64_t count, float rate, uint64_t seed, const float* x, float* y, ThreadPool* pool);
// dx (+)= kept ? dy / (1 - rate) : 0
void DropoutBackward(int64_t count, float rate, uint64_t seed, const float* dy, bool accumulate,
                     float* dx, ThreadPool* pool);

// The same for whole samples of 'each' numbers: sample n is kept if DropoutKeeps(seed, n, rate),
// and then divided by 1 - rate, else zero. Backward is the same function on dy with the same seed.
void DropPath(int64_t samples, int64_t each, float rate, uint64_t seed, const float* x,
              bool accumulate, float* y, ThreadPool* pool);

// ---- channels ----

// to[r, to_offset + i] (+)= from[r, from_offset + i] for i < width: concat and slice along the
// channels, and their gradients. 'from' and 'to' do not overlap.
void CopyChannels(int64_t rows, int64_t width, const float* from, int64_t from_channels,
                  int64_t from_offset, float* to, int64_t to_channels, int64_t to_offset,
                  bool accumulate, ThreadPool* pool);

// y[r] = the maximum or the mean of x[r, :]
void ChannelMaxForward(int64_t rows, int64_t channels, const float* x, float* y, ThreadPool* pool);
void ChannelMeanForward(int64_t rows, int64_t channels, const float* x, float* y, ThreadPool* pool);
// dx[r, c] (+)= dy[r] where c is the first maximum of x[r, :], else 0
void ChannelMaxBackward(int64_t rows, int64_t channels, const float* x, const float* dy,
                        bool accumulate, float* dx, ThreadPool* pool);
// dx[r, c] (+)= dy[r] / channels
void ChannelMeanBackward(int64_t rows, int64_t channels, const float* dy, bool accumulate,
                         float* dx, ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_ELEMENTWISE_H_
