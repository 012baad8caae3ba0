"""PyRadiomics' names of features, and the IBSI codes that they stand for.

A table maps the name to the code without its family, in PyRadiomics' order; "-" is a feature that the IBSI
does not have. A value may differ from the IBSI's although the name matches: kurtosis is not reduced by 3,
axis lengths are of the population, bins begin at a multiple of their width.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


def _table(text: str) -> Mapping[str, str]:
    words = text.split()
    return MappingProxyType(dict(zip(words[::2], words[1::2], strict=True)))


FIRSTORDER = _table(
    "10Percentile stat_p10 90Percentile stat_p90 Energy stat_energy Entropy ih_entropy "
    "InterquartileRange stat_iqr Kurtosis stat_kurt Maximum stat_max MeanAbsoluteDeviation stat_mad "
    "Mean stat_mean Median stat_median Minimum stat_min Range stat_range "
    "RobustMeanAbsoluteDeviation stat_rmad RootMeanSquared stat_rms Skewness stat_skew "
    "TotalEnergy - Uniformity ih_uniformity Variance stat_var"
)
GLCM = _table(
    "Autocorrelation auto_corr ClusterProminence clust_prom ClusterShade clust_shade "
    "ClusterTendency clust_tend Contrast contrast Correlation corr DifferenceAverage diff_avg "
    "DifferenceEntropy diff_entr DifferenceVariance diff_var Id inv_diff Idm inv_diff_mom "
    "Idmn inv_diff_mom_norm Idn inv_diff_norm Imc1 info_corr1 Imc2 info_corr2 InverseVariance inv_var "
    "JointAverage joint_avg JointEnergy energy JointEntropy joint_entr MCC - MaximumProbability joint_max "
    "SumAverage sum_avg SumEntropy sum_entr SumSquares joint_var"
)
GLDM = _table(
    "DependenceEntropy dc_entr DependenceNonUniformity dcnu DependenceNonUniformityNormalized dcnu_norm "
    "DependenceVariance dc_var GrayLevelNonUniformity glnu GrayLevelVariance gl_var "
    "HighGrayLevelEmphasis hgce LargeDependenceEmphasis hde LargeDependenceHighGrayLevelEmphasis hdhge "
    "LargeDependenceLowGrayLevelEmphasis hdlge LowGrayLevelEmphasis lgce SmallDependenceEmphasis lde "
    "SmallDependenceHighGrayLevelEmphasis ldhge SmallDependenceLowGrayLevelEmphasis ldlge"
)
GLRLM = _table(
    "GrayLevelNonUniformity glnu GrayLevelNonUniformityNormalized glnu_norm GrayLevelVariance gl_var "
    "HighGrayLevelRunEmphasis hgre LongRunEmphasis lre LongRunHighGrayLevelEmphasis lrhge "
    "LongRunLowGrayLevelEmphasis lrlge LowGrayLevelRunEmphasis lgre RunEntropy rl_entr "
    "RunLengthNonUniformity rlnu RunLengthNonUniformityNormalized rlnu_norm RunPercentage r_perc "
    "RunVariance rl_var ShortRunEmphasis sre ShortRunHighGrayLevelEmphasis srhge "
    "ShortRunLowGrayLevelEmphasis srlge"
)
GLSZM = _table(
    "GrayLevelNonUniformity glnu GrayLevelNonUniformityNormalized glnu_norm GrayLevelVariance gl_var "
    "HighGrayLevelZoneEmphasis hgze LargeAreaEmphasis lze LargeAreaHighGrayLevelEmphasis lzhge "
    "LargeAreaLowGrayLevelEmphasis lzlge LowGrayLevelZoneEmphasis lgze SizeZoneNonUniformity zsnu "
    "SizeZoneNonUniformityNormalized zsnu_norm SmallAreaEmphasis sze SmallAreaHighGrayLevelEmphasis szhge "
    "SmallAreaLowGrayLevelEmphasis szlge ZoneEntropy zs_entr ZonePercentage z_perc ZoneVariance zs_var"
)
NGTDM = _table(
    "Busyness busyness Coarseness coarseness Complexity complexity Contrast contrast Strength strength"
)
SHAPE = _table(
    "Elongation pca_elongation Flatness pca_flatness LeastAxisLength pca_least_axis "
    "MajorAxisLength pca_maj_axis Maximum2DDiameterColumn - Maximum2DDiameterRow - "
    "Maximum2DDiameterSlice - Maximum3DDiameter diam MeshVolume volume MinorAxisLength pca_min_axis "
    "Sphericity sphericity SurfaceArea area_mesh SurfaceVolumeRatio av VoxelVolume vol_approx"
)
CLASSES = MappingProxyType(
    {"firstorder": FIRSTORDER, "glcm": GLCM, "gldm": GLDM, "glrlm": GLRLM, "glszm": GLSZM, "ngtdm": NGTDM}
)
"""The 93 features that every image has, by class."""
