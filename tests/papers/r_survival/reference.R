# Freezes what R's survival and glmnet find on three small public data sets of the survival package.
#
#     Rscript reference.R > reference.json
#
# Written by R 4.2.2, survival 3.5-3, glmnet 4.1-6, jsonlite 1.8.4. Fits converge to 1e-14, so that every
# figure is the optimum's and not the stopping rule's.
suppressMessages({ library(survival); library(glmnet); library(jsonlite) })

tight <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100)

# ---- data sets: complete rows of the columns in use -----------------------------------------------
lung <- na.omit(survival::lung[, c("time", "status", "age", "sex", "ph.ecog", "ph.karno", "wt.loss")])
lung$status <- lung$status - 1
whole <- survival::lung[, c("time", "status", "sex")]  # the 228 patients of the published log-rank test
whole$status <- whole$status - 1
ecog <- na.omit(survival::lung[, c("time", "status", "age", "sex", "ph.ecog")])  # 227: the published Cox fit
ecog$status <- ecog$status - 1
veteran <- survival::veteran
veteran$cell <- as.integer(veteran$celltype)
veteran <- veteran[, c("time", "status", "trt", "cell", "karno", "diagtime", "age", "prior")]
ovarian <- survival::ovarian
names(ovarian)[1:2] <- c("time", "status")
ovarian <- ovarian[, c("time", "status", "age", "resid.ds", "rx", "ecog.ps")]

# ---- Kaplan-Meier ---------------------------------------------------------------------------------
curve <- function(d, tau) {
  by_band <- lapply(c(plain = "plain", log = "log", `log-log` = "log-log"), function(kind) {
    f <- survfit(Surv(time, status) ~ 1, d, conf.type = kind)
    q <- quantile(f, 0.5)
    list(lower = f$lower, upper = f$upper, median = q$quantile, median_lower = q$lower, median_upper = q$upper)
  })
  f <- survfit(Surv(time, status) ~ 1, d)
  mean_to <- survival:::survmean(f, rmean = tau)$matrix
  list(time = f$time, at_risk = f$n.risk, events = f$n.event, survival = f$surv, se_of_log = f$std.err,
       bands = by_band, tau = tau, rmst = mean_to[["rmean"]], rmst_se = mean_to[["se(rmean)"]])
}

# ---- log-rank -------------------------------------------------------------------------------------
test <- function(formula, d, rho = 0) {
  s <- survdiff(formula, d, rho = rho)
  total <- function(x) if (is.matrix(x)) rowSums(x) else x
  list(chi2 = s$chisq, observed = total(s$obs), expected = total(s$exp), df = length(s$n) - 1)
}

# ---- Cox ------------------------------------------------------------------------------------------
fit <- function(formula, d, ties) {
  environment(formula) <- environment()
  f <- coxph(formula, d, ties = ties, control = tight, x = TRUE, y = TRUE)
  s <- summary(f)
  h <- lapply(c(km = "km", rank = "rank", identity = "identity", log = "log"), function(g) {
    z <- cox.zph(f, transform = g)$table
    list(chi2 = unname(z[, "chisq"]), p = unname(z[, "p"]))
  })
  base <- basehaz(f, centered = FALSE)
  strata <- if (is.null(base$strata)) character(0) else as.character(base$strata)
  k <- concordance(f)
  list(coefficients = unname(coef(f)), covariance = unname(vcov(f)), log_likelihood = f$loglik,
       wald = f$wald.test[[1]], score = f$score, lr = s$logtest[["test"]],
       baseline_time = base$time, baseline_hazard = base$hazard, baseline_strata = strata,
       hazards_test = h, concordance = k$concordance, concordance_se = sqrt(k$var),
       pairs = as.list(k$count))
}

predicted <- function(formula, d, ties, new) {
  environment(formula) <- environment()
  f <- coxph(formula, d, ties = ties, control = tight)
  s <- survfit(f, newdata = new, conf.type = "log-log")
  list(new = new, time = s$time, survival = unname(s$surv), se = unname(s$std.err),
       lower = unname(s$lower), upper = unname(s$upper))
}

both <- function(formula, d) list(efron = fit(formula, d, "efron"), breslow = fit(formula, d, "breslow"))

# ---- concordance of one column, Harrell's and Uno's ------------------------------------------------
pairs_of <- function(d, x) {
  score <- d[[x]]
  h <- concordance(Surv(time, status) ~ score, d, reverse = TRUE)
  u <- concordance(Surv(time, status) ~ score, d, reverse = TRUE, timewt = "n/G2")
  list(column = x, harrell = h$concordance, se = sqrt(h$var), count = as.list(h$count), uno = u$concordance)
}

gain <- function(d, first, second) {
  one <- function(name) coxph(as.formula(paste("Surv(time, status) ~", name), env = parent.frame()), d)
  k <- concordance(one(first), one(second))
  list(first = first, second = second, concordance = unname(k$concordance), covariance = unname(k$var))
}

# ---- elastic net ----------------------------------------------------------------------------------
# Breslow's likelihood. Where a censoring ties with an event, glmnet 4.1-6 departs from coxph (at a penalty of
# nearly 0, on lung, by 0.001 of a coefficient); so the censored are moved a little later, which changes no
# risk set of coxph.
net <- function(d, columns, mixing) {
  x <- as.matrix(d[, columns])
  f <- glmnet(x, Surv(d$time + 0.001 * (1 - d$status), d$status), family = "cox", alpha = mixing, thresh = 1e-15, maxit = 1e7,
              lambda = exp(seq(log(0.3), log(0.003), length.out = 12)))
  list(columns = columns, mixing = mixing, penalty = f$lambda, coefficients = unname(as.matrix(f$beta)))
}

all_lung <- c("age", "sex", "ph.ecog", "ph.karno", "wt.loss")
all_veteran <- c("trt", "karno", "diagtime", "age", "prior")
found <- list(
  made_by = list(R = as.character(getRversion()), survival = as.character(packageVersion("survival")),
                 glmnet = as.character(packageVersion("glmnet"))),
  data = list(lung = lung, lung_whole = whole, lung_ecog = ecog, veteran = veteran, ovarian = ovarian),
  kaplan_meier = list(lung_whole = curve(whole, 730), veteran = curve(veteran, 365),
                      ovarian = curve(ovarian, 1000)),
  log_rank = list(
    sex = test(Surv(time, status) ~ sex, whole),
    sex_rho1 = test(Surv(time, status) ~ sex, whole, rho = 1),
    sex_by_ecog = test(Surv(time, status) ~ sex + strata(ph.ecog), ecog),
    cell = test(Surv(time, status) ~ cell, veteran),
    cell_rho1 = test(Surv(time, status) ~ cell, veteran, rho = 1),
    cell_by_trt = test(Surv(time, status) ~ cell + strata(trt), veteran),
    rx = test(Surv(time, status) ~ rx, ovarian)),
  cox = list(
    lung_ecog = c(list(columns = c("age", "sex", "ph.ecog")),
                  both(Surv(time, status) ~ age + sex + ph.ecog, ecog)),
    lung = c(list(columns = all_lung), both(Surv(time, status) ~ age + sex + ph.ecog + ph.karno + wt.loss, lung)),
    veteran = c(list(columns = all_veteran), both(Surv(time, status) ~ trt + karno + diagtime + age + prior, veteran)),
    veteran_by_cell = c(list(columns = c("trt", "karno", "age"), strata = "cell"),
                        both(Surv(time, status) ~ trt + karno + age + strata(cell), veteran)),
    ovarian = c(list(columns = c("age", "resid.ds", "rx", "ecog.ps")),
                both(Surv(time, status) ~ age + resid.ds + rx + ecog.ps, ovarian))),
  predicted = list(
    efron = predicted(Surv(time, status) ~ age + sex + ph.ecog, ecog, "efron",
                      data.frame(age = c(50, 75), sex = c(2, 1), ph.ecog = c(0, 2))),
    breslow = predicted(Surv(time, status) ~ age + sex + ph.ecog, ecog, "breslow",
                        data.frame(age = c(50, 75), sex = c(2, 1), ph.ecog = c(0, 2)))),
  concordance = list(lung = pairs_of(lung, "age"), lung_ecog = pairs_of(ecog, "ph.ecog"),
                     veteran = pairs_of(veteran, "age"), ovarian = pairs_of(ovarian, "age")),
  gain = list(lung = gain(lung, "age", "ph.ecog"), veteran = gain(veteran, "age", "diagtime")),
  net = list(lung_lasso = net(lung, all_lung, 1), lung_half = net(lung, all_lung, 0.5),
             veteran_lasso = net(veteran, all_veteran, 1), veteran_ridge_like = net(veteran, all_veteran, 0.1)))
cat(toJSON(found, digits = NA, auto_unbox = TRUE, na = "null", dataframe = "columns"), "\n")
