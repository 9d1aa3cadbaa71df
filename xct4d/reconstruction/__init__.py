"""The classical reconstruction of a scan in voxels, from which its canonical field starts.

volume.py iterates on whole images within the visual hull (silhouette.py);
run.py shows its progress and resumes a killed run. fdk.py and sirt.py are there
to be compared with.
"""
