// The int8 loops in plain C++: what the vector kernels must equal, and what runs where there are no
// vectors. With four sums to a vector the order of channels is the natural one.
#include <algorithm>
#include <cmath>

#include "kernels/int8_kernels.h"

namespace linnet::kernels {
namespace {

constexpr int kLanes = 4, kPanel = Int8Kernels::kVectors * kLanes;

// Sums wrap around on the way and are right in the end.
void AddQuad(const uint8_t* a, const int8_t* b, int32_t* sum) {
  int products = 0;
  for (int t = 0; t < 4; ++t) products += a[t] * b[t];
  *sum = static_cast<int32_t>(static_cast<uint32_t>(*sum) + static_cast<uint32_t>(products));
}

// Sums of one pixel to bytes.
void Store(const int32_t* sums, const Int8Channels& channels, const Int8Output& output,
           const uint8_t* residual, int64_t cols, uint8_t* dst) {
  for (int64_t i = 0; i < cols; ++i) {
    const int left = channels.left == nullptr ? 0 : channels.left[i];
    int u = To64ths(sums[i], left, channels.shift[i], channels.multiplier[i]);
    if (residual != nullptr) u = Saturate16(u + To64ths(residual[i], output.residual));
    const int y = Saturate16(u + output.zero64) >> kFractionBits;
    dst[i] = static_cast<uint8_t>(std::clamp(y, output.low, output.high));
  }
}

void SumRow(const Int8TileArgs& t, int row, int width, int32_t* sums) {
  std::copy_n(t.channels.bias, width, sums);
  const int8_t* b = t.b;
  for (int64_t tap = 0; tap < t.taps; ++tap) {
    const uint8_t* a = t.a[tap * t.a_stride + row];
    for (int64_t quad = 0; quad < t.quads; ++quad, a += 4, b += 4 * width) {
      for (int i = 0; i < width; ++i) AddQuad(a, b + 4 * i, sums + i);
    }
  }
}

template <int kRows, int kVectors>
void Tile(const Int8TileArgs& t) {
  for (int i = 0; i < kRows; ++i) {
    int32_t sums[kPanel];
    SumRow(t, i, kVectors * kLanes, sums);
    const int64_t at = i * t.dst_stride;
    Store(sums, t.channels, *t.output, t.residual == nullptr ? nullptr : t.residual + at, t.cols,
          t.dst + at);
  }
}

template <int kVectors>
void TileSums(const Int8TileArgs& t) {
  SumRow(t, 0, kVectors * kLanes, t.sums);
}

void Interleave(const InterleaveArgs& t) {
  for (int half = 0; half < (t.twice ? 2 : 1); ++half) {
    uint8_t* out = t.out + half * 4 * (kPanel / 2);
    for (int64_t x = 0; x < t.columns; ++x) {
      for (int64_t i = 0; i < t.cols; ++i) {
        for (int r = 0; r < 4; ++r) {
          out[x * t.out_step + 4 * i + r] = t.row[half][r][x * t.step[half][r] + i];
        }
      }
    }
  }
}

void DepthwiseRow(const DepthwiseRowArgs& t) {
  for (int half = 0; half < (t.second != 0 ? 2 : 1); ++half) {
    // The upper half of the panel has the same weights and channels.
    const uint8_t* a = t.a + half * 4 * (kPanel / 2);
    for (int64_t x = 0; x < t.pixels; ++x, a += t.a_step) {
      int32_t sums[kPanel];
      std::copy_n(t.channels.bias, t.cols, sums);
      for (int64_t tap = 0; tap < t.taps; ++tap) {
        const int64_t at = 4 * kPanel * tap;
        for (int64_t i = 0; i < t.cols; ++i) AddQuad(a + at + 4 * i, t.b + at + 4 * i, sums + i);
      }
      const int64_t at = x * t.dst_step + half * t.second;
      Store(sums, t.channels, *t.output, t.residual == nullptr ? nullptr : t.residual + at, t.cols,
            t.dst + at);
    }
  }
}

void Quantize(int64_t n, float inverse_scale, int zero_point, const float* src, uint8_t* dst) {
  for (int64_t i = 0; i < n; ++i) {
    const float steps = src[i] * inverse_scale;
    // Written so that a NaN becomes the least.
    const float kept = std::min(steps > -256.0f ? steps : -256.0f, 256.0f);
    const int q = static_cast<int>(std::nearbyint(kept)) + zero_point;
    dst[i] = static_cast<uint8_t>(std::clamp(q, 0, 255));
  }
}

void Dequantize(int64_t n, const Quantization& q, const uint8_t* src, float* dst) {
  for (int64_t i = 0; i < n; ++i) dst[i] = q.scale * static_cast<float>(src[i] - q.zero_point);
}

void Lookup(const LookupArgs& t) {
  for (int64_t r = 0; r < t.rows; ++r) {
    for (int64_t i = 0; i < t.n; ++i) {
      t.dst[r * t.dst_stride + i] = t.table[t.src[r * t.src_stride + i]];
    }
  }
}

uint8_t Clamped(int u, const Int8Output& output) {
  const int y = Saturate16(u + output.zero64) >> kFractionBits;
  return static_cast<uint8_t>(std::clamp(y, output.low, output.high));
}

void Add(int64_t n, const ByteTerm& a_term, const ByteTerm& b_term, const Int8Output& output,
         const uint8_t* a, const uint8_t* b, uint8_t* dst) {
  for (int64_t i = 0; i < n; ++i) {
    dst[i] = Clamped(Saturate16(To64ths(a[i], a_term) + To64ths(b[i], b_term)), output);
  }
}

void Scale(int64_t rows, int64_t n, int64_t stride, const ByteTerm& term, const int16_t* multiplier,
           const Int8Output& output, const uint8_t* src, uint8_t* dst) {
  ByteTerm own = term;
  for (int64_t i = 0; i < n; ++i) {
    own.multiplier = multiplier[WidenedPosition(kLanes, i)];
    for (int64_t r = 0; r < rows; ++r) {
      dst[r * stride + i] = Clamped(To64ths(src[r * stride + i], own), output);
    }
  }
}

void SumRows(int64_t n, int64_t rows, int64_t stride, const uint8_t* src, int32_t* sums) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < n; ++i) sums[i] += src[r * stride + i];
  }
}

void Max(const MaxArgs& t) {
  for (int64_t i = 0; i < t.n; ++i) {
    uint8_t most = 0;
    for (int64_t y = 0; y < t.rows; ++y) {
      for (int64_t x = 0; x < t.columns; ++x) {
        most = std::max(most, t.src[y * t.row_stride + x * t.n + i]);
      }
    }
    t.dst[i] = most;
  }
}

void Zip(int64_t n, const uint8_t* a, const uint8_t* b, uint8_t* dst) {
  for (int64_t i = 0; i < n; ++i) {
    dst[2 * i] = a[i];
    dst[2 * i + 1] = b[i];
  }
}

void RequantizeSums(int64_t n, int32_t bias, const Requantizer& r, const Int8Output& output,
                    const int32_t* sums, uint8_t* dst) {
  for (int64_t i = 0; i < n; ++i) {
    dst[i] = Clamped(To64ths(sums[i] + bias, r.left, r.shift, r.multiplier), output);
  }
}

template <int kVectors>
void FillTiles(Int8Kernels& table) {
  table.rows[kVectors] = 4;
  table.tile[kVectors][1] = Tile<1, kVectors>;
  table.tile[kVectors][2] = Tile<2, kVectors>;
  table.tile[kVectors][3] = Tile<3, kVectors>;
  table.tile[kVectors][4] = Tile<4, kVectors>;
  table.tile_sums[kVectors] = TileSums<kVectors>;
}

Int8Kernels MakeTable() {
  Int8Kernels table{};
  table.target = "SCALAR";
  table.lanes = kLanes;
  table.step_bytes = 4;
  FillTiles<1>(table);
  FillTiles<2>(table);
  FillTiles<3>(table);
  FillTiles<4>(table);
  table.interleave = Interleave;
  table.depthwise_row = DepthwiseRow;
  table.quantize = Quantize;
  table.dequantize = Dequantize;
  table.lookup = Lookup;
  table.add = Add;
  table.scale = Scale;
  table.sum_rows = SumRows;
  table.max = Max;
  table.zip = Zip;
  table.requantize = RequantizeSums;
  return table;
}

}  // namespace

const Int8Kernels* PortableInt8Kernels() {
  static const Int8Kernels table = MakeTable();
  return &table;
}

}  // namespace linnet::kernels
