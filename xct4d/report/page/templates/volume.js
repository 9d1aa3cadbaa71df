// The volume in three dimensions: rays through a texture of voxels, drawn by WebGL 2.
(() => {
  const canvas = document.getElementById("volume"), volume = shown.volume;
  const gl = canvas.getContext("webgl2", {antialias: false, preserveDrawingBuffer: true});
  if (!gl) return;
  const [depth, height, width] = volume.shape;
  const vertex = `#version 300 es
    in vec2 corner; out vec2 place;
    void main() { place = corner; gl_Position = vec4(corner, 0.0, 1.0); }`;
  const fragment = `#version 300 es
    precision highp float; precision highp sampler3D;
    uniform sampler3D voxels; uniform mat3 turn; uniform vec3 extent; uniform vec3 texel; uniform float surface; uniform bool solid;
    in vec2 place; out vec4 colour;
    float value(vec3 p) { return texture(voxels, 0.5 + 0.5 * p / extent).r; }
    vec3 slope(vec3 p) {
      vec3 d = texel * 1.5;
      return vec3(value(p + vec3(d.x, 0, 0)) - value(p - vec3(d.x, 0, 0)), value(p + vec3(0, d.y, 0)) - value(p - vec3(0, d.y, 0)),
                  value(p + vec3(0, 0, d.z)) - value(p - vec3(0, 0, d.z)));
    }
    float edge(vec3 p) {  // how many faces of the box a point is near
      vec3 near = step(extent - 0.008, abs(p));
      return near.x + near.y + near.z;
    }
    void main() {
      vec3 ahead = turn * vec3(0, 0, -1), from = turn * vec3(place * 1.75, 3.0);
      vec3 one = (-extent - from) / ahead, two = (extent - from) / ahead, low = min(one, two), high = max(one, two);
      float start = max(max(low.x, low.y), low.z), stop = min(min(high.x, high.y), high.z);
      colour = vec4(0.07, 0.08, 0.1, 1);
      if (stop <= start) return;
      float stride = min(min(texel.x, texel.y), texel.z), most = 0.0, lines = 0.0;
      if (edge(from + start * ahead) > 1.5) lines = 0.35;
      if (edge(from + stop * ahead) > 1.5) lines = max(lines, 0.18);
      for (float s = start; s < stop; s += stride) {
        float here = value(from + s * ahead);
        if (solid && here > surface) {
          float before = s - stride;
          for (int k = 0; k < 5; k++) { float half_way = 0.5 * (before + s); if (value(from + half_way * ahead) > surface) s = half_way; else before = half_way; }
          vec3 p = from + s * ahead, normal = -normalize(slope(p) + 1e-6 * ahead), light = normalize(turn * vec3(-0.5, 0.7, 1.0));
          float lit = max(dot(normal, light), 0.0), rim = pow(max(dot(reflect(-light, normal), -ahead), 0.0), 24.0);
          colour = vec4(vec3(0.86, 0.79, 0.66) * (0.25 + 0.72 * lit) + 0.2 * rim, 1);
          return;
        }
        most = max(most, here);
      }
      colour.rgb = max(solid ? colour.rgb : vec3(most), colour.rgb) + lines * vec3(0.6, 0.7, 0.8);
    }`;
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return;
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
  const corner = gl.getAttribLocation(program, "corner"), uniform = name => gl.getUniformLocation(program, name);
  gl.enableVertexAttribArray(corner);
  gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
  gl.bindTexture(gl.TEXTURE_3D, gl.createTexture());
  for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) gl.texParameteri(gl.TEXTURE_3D, side, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  const extent = [volume.size[2], volume.size[1], volume.size[0]];
  gl.uniform3fv(uniform("extent"), extent);
  gl.uniform3fv(uniform("texel"), [2 * extent[0] / width, 2 * extent[1] / height, 2 * extent[2] / depth]);
  gl.uniform1f(uniform("surface"), volume.surface);

  // z points up the screen, seen a little from above
  let azimuth = 0.6, elevation = 0.35, solid = true;
  const draw = () => {
    const [ca, sa, ce, se] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(elevation), Math.sin(elevation)];
    gl.uniformMatrix3fv(uniform("turn"), false, [-sa, ca, 0, -ca * se, -sa * se, ce, ca * ce, sa * ce, se]);
    gl.uniform1i(uniform("solid"), solid);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  };
  const loaded = new Map();  // voxels by the number of their time
  const voxels = async index => {
    if (!loaded.has(index)) {
      const image = new Image();
      image.src = volume.images[index];
      await image.decode();
      const plane = document.createElement("canvas");
      [plane.width, plane.height] = [image.width, image.height];
      const context = plane.getContext("2d", {willReadFrequently: true});
      context.drawImage(image, 0, 0);
      const pixels = context.getImageData(0, 0, image.width, image.height).data, values = new Uint8Array(width * height * depth);
      for (let z = 0, to = 0; z < depth; z++) {
        const left = (z % volume.columns) * width, top = Math.floor(z / volume.columns) * height;
        for (let y = 0; y < height; y++) for (let x = 0, from = 4 * ((top + y) * image.width + left); x < width; x++, from += 4) values[to++] = pixels[from];
      }
      loaded.set(index, values);
    }
    return loaded.get(index);
  };
  let wanted = 0;
  const show = async index => {
    wanted = index;
    const values = await voxels(index);
    if (wanted !== index) return;
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.R8, width, height, depth, 0, gl.RED, gl.UNSIGNED_BYTE, values);
    draw();
  };
  listeners.push(show);

  const turn = (right, up) => {
    azimuth -= right;
    elevation = Math.min(Math.PI / 2, Math.max(-Math.PI / 2, elevation + up));
    draw();
  };
  let grip = null;
  canvas.addEventListener("pointerdown", event => { grip = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", event => {
    if (!grip) return;
    turn(0.01 * (event.clientX - grip[0]), 0.01 * (event.clientY - grip[1]));
    grip = [event.clientX, event.clientY];
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { grip = null; });
  canvas.addEventListener("keydown", event => {
    const way = {ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1]}[event.key];
    if (!way) return;
    event.preventDefault();
    turn(...way);
  });
  const shade = document.getElementById("shade");
  shade.addEventListener("click", () => {
    solid = !solid;
    shade.setAttribute("aria-pressed", String(!solid));
    draw();
  });
  document.getElementById("volume-missing").hidden = true;
  canvas.hidden = document.getElementById("volume-tools").hidden = false;
  show(Number(document.getElementById("time")?.value ?? 0));
})();
