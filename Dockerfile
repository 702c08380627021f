# The tool as an image: docker build --tag registry.example/tools/tsmanifest:0.1.0 .
FROM node:24-alpine AS package
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build
RUN mkdir /package && npm pack --ignore-scripts --pack-destination /package

FROM node:24-alpine
# Run once, it keeps its compiled code, which the user below may not write.
RUN --mount=type=bind,from=package,source=/package,target=/package \
  npm install --global --omit=dev --ignore-scripts /package/*.tgz \
  && tsmanifest --version \
  && rm -rf /root/.npm
# The user node of the base image, by its number: Kubernetes refuses a name where a pod says runAsNonRoot.
USER 1000
WORKDIR /work
ENTRYPOINT ["tsmanifest"]
