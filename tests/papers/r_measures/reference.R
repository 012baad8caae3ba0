# R's figures for ROC, calibration, decision curves and nested models.
# Rscript reference.R > reference.json   (survival 3.5, pROC 1.18, rms 6.5, jsonlite, ranger 0.14, gbm 2.1)
suppressPackageStartupMessages({library(survival); library(pROC); library(rms); library(jsonlite); library(ranger)})
out <- list()
data(aSAH)
a <- data.frame(poor = as.numeric(aSAH$outcome == "Poor"), s100b = aSAH$s100b, ndka = aSAH$ndka,
                age = aSAH$age, wfns = as.numeric(aSAH$wfns))
out$aSAH <- as.list(a)
r1 <- roc(a$poor, a$s100b, direction = "<", quiet = TRUE); r2 <- roc(a$poor, a$ndka, direction = "<", quiet = TRUE)
d <- roc.test(r1, r2, method = "delong", paired = TRUE)
out$roc <- list(auc = c(auc(r1), auc(r2)), variance = c(var(r1, method = "delong"), var(r2, method = "delong")),
                ci = ci.auc(r1, method = "delong")[c(1, 3)], z = unname(d$statistic), p = d$p.value,
                threshold = r1$thresholds, sensitivity = r1$sensitivities, specificity = r1$specificities)
# a logistic model of half of the patients, judged on the other half
train <- seq_len(nrow(a)) %% 2 == 1
m <- glm(poor ~ s100b + age, binomial, a[train, ])
p <- predict(m, a[!train, ], type = "response"); y <- a$poor[!train]; lp <- qlogis(p)
g1 <- glm(y ~ offset(lp), family = binomial); g2 <- glm(y ~ lp, family = binomial)
th <- c(.1, .2, .3, .5, .7)
nb <- sapply(th, function(t) mean(p >= t & y == 1) - mean(p >= t & y == 0) * t / (1 - t))
out$label <- list(p = unname(p), y = y, coefficients = unname(coef(m)), brier = mean((p - y)^2),
  intercept = unname(coef(g1)), intercept_error = sqrt(vcov(g1)[1, 1]),
  slope = unname(coef(g2)[2]), slope_error = sqrt(vcov(g2)[2, 2]), threshold = th, net_benefit = nb)
f0 <- glm(poor ~ age, binomial, a); f1 <- glm(poor ~ age + s100b, binomial, a)
out$label_gain <- as.list(unname(unlist(anova(f0, f1, test = "LRT")[2, c("Df", "Deviance", "Pr(>Chi)")])))
# survival: gbsg, every second patient fitted, the others judged at 3 years
b <- gbsg; b$grade <- as.numeric(b$grade)
odd <- seq_len(nrow(b)) %% 2 == 1
x <- c("age", "meno", "size", "grade", "nodes", "pgr", "er", "hormon")
out$gbsg <- as.list(b[, c(x, "rfstime", "status")])
fit <- coxph(Surv(rfstime, status) ~ age + meno + size + grade + nodes + pgr + er + hormon, b[odd, ])
v <- b[!odd, ]; h <- 3 * 365.25
pr <- 1 - c(summary(survfit(fit, newdata = v), times = h)$surv)
n <- nrow(v)
S <- function(i) summary(survfit(Surv(rfstime, status) ~ 1, v[i, ]), times = h, extend = TRUE)$surv
whole <- S(1:n); pseudo <- sapply(1:n, function(i) n * whole - (n - 1) * S(-i))
cll <- log(-log(1 - pr)); e <- 1 - pseudo
fam <- quasi(link = make.link("cloglog"), variance = "constant")
c1 <- glm(e ~ offset(cll), family = fam, start = 0, control = list(epsilon = 1e-12, maxit = 200))
c2 <- glm(e ~ cll, family = fam, start = c(0, 1), control = list(epsilon = 1e-12, maxit = 200))
robust <- function(f) {
  X <- model.matrix(f); eta <- f$linear.predictors; s <- exp(eta - exp(eta)); D <- X * s
  A <- solve(crossprod(D)); sqrt(diag(A %*% crossprod(D * (e - fitted(f))) %*% A)) }
v$cll <- cll
tight <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100)
k <- coxph(Surv(rfstime, status) ~ rcs(cll, 3), v, control = tight)
smooth <- 1 - c(summary(survfit(k, newdata = v), times = h)$surv)
gap <- abs(smooth - pr)
g <- cut(pr, quantile(pr, 0:4 / 4), include.lowest = TRUE, labels = FALSE)
observed <- t(sapply(1:4, function(i) { s <- summary(survfit(Surv(rfstime, status) ~ 1, v[g == i, ],
  conf.type = "log-log"), times = h); 1 - c(s$surv, s$upper, s$lower) }))
nbs <- sapply(th, function(t) { w <- pr >= t; q <- mean(w); if (!any(w)) return(0)
  s <- summary(survfit(Surv(rfstime, status) ~ 1, v[w, ]), times = h, extend = TRUE)$surv
  q * (1 - s) - q * s * t / (1 - t) })
out$survival <- list(horizon = h, risk = pr, pseudo = pseudo, intercept = unname(coef(c1)),
  intercept_error = unname(robust(c1)), slope = unname(coef(c2)[2]), slope_error = unname(robust(c2)[2]),
  smooth = smooth, ici = mean(gap), e50 = median(gap), e90 = unname(quantile(gap, .9)),
  observed = observed, threshold = th, net_benefit = nbs,
  everybody = (1 - whole) - whole * th / (1 - th))
n0 <- coxph(Surv(rfstime, status) ~ nodes, b); n1 <- coxph(Surv(rfstime, status) ~ nodes + pgr + grade, b)
out$cox_gain <- list(2, 2 * (n1$loglik[2] - n0$loglik[2]), 1 - pchisq(2 * (n1$loglik[2] - n0$loglik[2]), 2))
# out-of-bag C of ranger's survival forests
oob <- function(data, seed) 1 - ranger(Surv(time, status) ~ ., data, num.trees = 500, replace = FALSE,
  sample.fraction = .632, min.node.size = 15, seed = seed, num.threads = 1)$prediction.error
bb <- b[, x]; bb$time <- b$rfstime; bb$status <- b$status
vv <- veteran; vv$trt <- as.numeric(vv$trt); vv$celltype <- as.numeric(vv$celltype)
out$veteran <- as.list(vv)
out$ranger <- list(gbsg = sapply(1:5, function(s) oob(bb, s)), veteran = sapply(1:5, function(s) oob(vv, s)))
cat(toJSON(out, digits = NA, auto_unbox = TRUE, na = "null"))
