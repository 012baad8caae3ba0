# Freezes what R's survival finds for a few of the 797 features of 388 NSCLC patients (RadAR's table of the
# public Lung1 cohort); the table itself is not part of the project.
#
#     Rscript lung1.R radar_lung1_ct_797.csv.gz > lung1.json
suppressMessages({ library(survival); library(jsonlite) })

d <- read.csv(commandArgs(TRUE)[1], check.names = FALSE)
features <- grep("^rad_", names(d), value = TRUE)
chosen <- c("rad_LargeAreaEmphasis.wavelet.LHH", "rad_VoxelVolume.original", features[seq(5, 797, by = 88)])
one <- function(name) {
  x <- d[[name]]
  split <- survdiff(Surv(time_days, event) ~ (x > median(x)), d)
  f <- coxph(Surv(time_days, event) ~ scale(x), d, control = coxph.control(eps = 1e-14, toler.chol = 1e-15))
  k <- concordance(Surv(time_days, event) ~ x, d, reverse = TRUE)
  list(name = name, split_chi2 = split$chisq, coefficient_per_deviation = unname(coef(f)),
       standard_error = sqrt(vcov(f)[1]), score = f$score, log_likelihood = f$loglik, concordance = k$concordance)
}
cat(toJSON(list(patients = nrow(d), features = length(features), deaths = sum(d$event),
                found = lapply(chosen, one)), digits = NA, auto_unbox = TRUE, pretty = 1), "\n")
