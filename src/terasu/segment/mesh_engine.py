"""The engine ``mesh``: distances from the vertices of one smooth surface to the triangles of the other.

The nearest vertex is found first, then the triangles around it, and around the corners of the best of those,
for as long as one lies nearer.

Source: Ericson 2005, Real-Time Collision Detection, section 5.1.5 (nearest point of a triangle).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from terasu.patient.agreement import bounding_box
from terasu.segment.engines import SurfaceDistances
from terasu.segment.surface_net import Mesh, mesh_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def mesh_distances(
    reference: Mask, test: Mask, spacing_zyx_mm: tuple[float, float, float]
) -> SurfaceDistances:
    """Distances between the surfaces of two masks, at vertices, with the area around each vertex."""
    box = bounding_box(reference | test)
    first, second = mesh_of(reference[box], spacing_zyx_mm), mesh_of(test[box], spacing_zyx_mm)
    return SurfaceDistances(
        "mesh",
        distance_to_mesh_mm(first.vertices_mm, second),
        first.vertex_areas_mm2(),
        distance_to_mesh_mm(second.vertices_mm, first),
        second.vertex_areas_mm2(),
    )


def distance_to_mesh_mm(points_mm: Floats, mesh: Mesh) -> Floats:
    """Distance of points to the nearest point of a surface, (n,) [mm]."""
    tree = cKDTree(mesh.vertices_mm, balanced_tree=False, compact_nodes=False)
    _, nearest = tree.query(points_mm)
    order = np.argsort(mesh.triangles.ravel(), kind="stable")
    begins = np.searchsorted(mesh.triangles.ravel()[order], np.arange(len(mesh.vertices_mm) + 1))
    return _refined(
        points_mm, np.asarray(nearest, np.int64), mesh.vertices_mm, mesh.triangles, order // 3, begins
    )


@numba.njit(cache=True, nogil=True)
def _refined(
    points: Floats, nearest: Ints, vertices: Floats, triangles: Ints, around: Ints, begins: Ints
) -> Floats:
    out = np.empty(len(points))
    for n in range(len(points)):
        best, triangle = _best_around(points[n], nearest[n], vertices, triangles, around, begins)
        while True:
            before = best
            for vertex in triangles[triangle].copy():
                other, found = _best_around(points[n], vertex, vertices, triangles, around, begins)
                if other < best:
                    best, triangle = other, found
            if best >= before:
                break
        out[n] = np.sqrt(best)
    return out


@numba.njit(cache=True, nogil=True)
def _best_around(
    point: Floats, vertex: int, vertices: Floats, triangles: Ints, around: Ints, begins: Ints
) -> tuple[float, int]:
    best, found = np.inf, -1
    for n in range(begins[vertex], begins[vertex + 1]):
        a, b, c = triangles[around[n]]
        squared = _squared_to_triangle(point, vertices[a], vertices[b], vertices[c])
        if squared < best:
            best, found = squared, around[n]
    return best, found


@numba.njit(cache=True, nogil=True)
def _squared_to_triangle(p: Floats, a: Floats, b: Floats, c: Floats) -> float:
    e0, e1, e2 = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    f0, f1, f2 = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    p0, p1, p2 = p[0] - a[0], p[1] - a[1], p[2] - a[2]
    ee, ef, ff = e0 * e0 + e1 * e1 + e2 * e2, e0 * f0 + e1 * f1 + e2 * f2, f0 * f0 + f1 * f1 + f2 * f2
    ep, fp = e0 * p0 + e1 * p1 + e2 * p2, f0 * p0 + f1 * p1 + f2 * p2
    d3, d4, d5, d6 = ep - ee, fp - ef, ep - ef, fp - ff
    va, vb, vc = d3 * d6 - d5 * d4, d5 * fp - ep * d6, ep * d4 - d3 * fp
    if ep <= 0 and fp <= 0:
        s, t = 0.0, 0.0
    elif d3 >= 0 and d4 <= d3:
        s, t = 1.0, 0.0
    elif d6 >= 0 and d5 <= d6:
        s, t = 0.0, 1.0
    elif vc <= 0 and ep >= 0 and d3 <= 0:
        s, t = ep / (ep - d3), 0.0
    elif vb <= 0 and fp >= 0 and d6 <= 0:
        s, t = 0.0, fp / (fp - d6)
    elif va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        t = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        s = 1.0 - t
    else:
        s, t = vb / (va + vb + vc), vc / (va + vb + vc)
    r0, r1, r2 = p0 - s * e0 - t * f0, p1 - s * e1 - t * f1, p2 - s * e2 - t * f2
    squared: float = r0 * r0 + r1 * r1 + r2 * r2
    return squared
