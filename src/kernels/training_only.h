// Kernels that only training calls: the deployed runtime (cmake/LinnetRuntime.cmake) has none of
// them.
#ifndef LINNET_KERNELS_TRAINING_ONLY_H_
#define LINNET_KERNELS_TRAINING_ONLY_H_

// An entry of a table of kernels: the function, or null where nobody trains. A macro, as a function
// that is named is compiled.
#if LINNET_RUNTIME
#define LINNET_TRAINING_ONLY(...) nullptr
#else
#define LINNET_TRAINING_ONLY(...) __VA_ARGS__
#endif

#endif  // LINNET_KERNELS_TRAINING_ONLY_H_
