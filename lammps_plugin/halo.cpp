// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#include "halo.h"

#include <algorithm>
#include <cstring>

namespace tlmlp_lammps {

namespace {

template <class T> void add(char *to, const char *from, std::ptrdiff_t size)
{
  T *sum = reinterpret_cast<T *>(to);
  const T *more = reinterpret_cast<const T *>(from);
  for (std::ptrdiff_t k = 0; k < size; ++k) sum[k] += more[k];
}

} // namespace

void Halo::start(int n_owned, int n_all, int rank)
{
  me_ = rank;
  n_owned_ = n_owned;
  rank_.assign(n_all, rank);
  index_.assign(n_all, -1);
  for (int i = 0; i < n_owned; ++i) index_[i] = i;
  row_of.assign(n_all, -1);
  needed.assign(n_all, 0);
}

void Halo::carry(Traffic traffic, const tlmlp::AtomRows &rows)
{
  traffic_ = traffic;
  rows_ = rows;
  row_bytes_ = static_cast<std::size_t>(rows.size) * (rows.float64 ? sizeof(double) : sizeof(float));
  if (traffic == Traffic::needs) wanted_.clear();
}

int Halo::doubles(const tlmlp::AtomRows &rows)
{
  return static_cast<int>(rows.float64 ? rows.size : (rows.size + 1) / 2);
}

std::int64_t Halo::received() const
{
  return std::count(needed.begin(), needed.end(), 1);
}

char *Halo::row(int atom) const
{
  return static_cast<char *>(rows_.data) + row_of[atom] * row_bytes_;
}

int Halo::pack_forward(int n, const int *list, double *buf)
{
  if (traffic_ == Traffic::owners) {
    for (int k = 0; k < n; ++k) {
      buf[2 * k] = rank_[list[k]];
      buf[2 * k + 1] = index_[list[k]];
    }
    return 2 * n;
  }
  const auto found = wanted_.find(list);
  if (found == wanted_.end()) return 0;
  const int step = doubles(rows_);
  int used = 0;
  for (int k = 0; k < n; ++k) {
    if (!found->second[k]) continue;
    std::memcpy(buf + used, row(list[k]), row_bytes_);
    used += step;
  }
  return used;
}

void Halo::unpack_forward(int n, int first, const double *buf)
{
  if (traffic_ == Traffic::owners) {
    for (int k = 0; k < n; ++k) {
      rank_[first + k] = static_cast<int>(buf[2 * k]);
      index_[first + k] = static_cast<int>(buf[2 * k + 1]);
    }
    return;
  }
  const int step = doubles(rows_);
  for (int k = first; k < first + n; ++k) {
    if (!needed[k]) continue;
    std::memcpy(row(k), buf, row_bytes_);
    buf += step;
  }
}

int Halo::pack_reverse(int n, int first, double *buf)
{
  if (traffic_ == Traffic::needs) {
    for (int k = 0; k < n; ++k) buf[k] = needed[first + k];
    return n;
  }
  const int step = doubles(rows_);
  int used = 0;
  for (int k = first; k < first + n; ++k) {
    if (!needed[k]) continue;
    std::memcpy(buf + used, row(k), row_bytes_);
    used += step;
  }
  return used;
}

void Halo::unpack_reverse(int n, const int *list, const double *buf)
{
  if (n == 0) return;
  if (traffic_ == Traffic::needs) {
    std::vector<char> &wanted = wanted_[list];
    wanted.resize(n);
    for (int k = 0; k < n; ++k) {
      wanted[k] = buf[k] != 0.0;
      if (wanted[k] && list[k] >= n_owned_ && foreign(list[k])) needed[list[k]] = 1;
    }
    return;
  }
  const std::vector<char> &wanted = wanted_[list];
  const int step = doubles(rows_);
  for (int k = 0; k < n; ++k) {
    if (!wanted[k]) continue;
    if (rows_.touched) rows_.touched[row_of[list[k]]] = 1;
    if (rows_.float64)
      add<double>(row(list[k]), reinterpret_cast<const char *>(buf), rows_.size);
    else
      add<float>(row(list[k]), reinterpret_cast<const char *>(buf), rows_.size);
    buf += step;
  }
}

} // namespace tlmlp_lammps
